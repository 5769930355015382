"""Count vectors: what is counted, what is not, and medians by weight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.text.counts import Distinct, count, distinct, medians
from logsentry.text.vocabulary import BEGIN, END, PAD, UNK

KEYS = 9
events = st.lists(st.sampled_from([UNK, 5, 6, 7, 8]), max_size=8)


def window(keys: list[int]) -> tuple[int, ...]:
    return (BEGIN, *keys, END)


def test_unknown_events_count_and_marks_do_not() -> None:
    counted = count(np.array([[BEGIN, 5, UNK, 5, END, PAD]]), KEYS)
    assert counted.dtype == np.float32
    assert counted.tolist() == [[0, 1, 0, 0, 0, 2, 0, 0, 0]]


@settings(max_examples=30)
@given(st.lists(events, min_size=1, max_size=6))
def test_distinct_vectors_hold_every_window_and_ignore_order(windows: list[list[int]]) -> None:
    coded = [window(keys) for keys in windows]
    found = distinct(coded, KEYS)
    assert found.weights.sum() == len(windows)
    assert len(np.unique(found.vectors, axis=0)) == len(found.vectors)
    assert found.vectors.T @ found.weights == pytest.approx(sum(count(np.array([ids]), KEYS)[0] for ids in coded))
    again = distinct([window(sorted(keys)) for keys in reversed(windows)], KEYS)
    assert again.vectors.tolist() == found.vectors.tolist()
    assert again.weights.tolist() == found.weights.tolist()


@settings(max_examples=30)
@given(st.lists(events, min_size=1, max_size=9))
def test_medians_are_those_of_the_windows_one_by_one(windows: list[list[int]]) -> None:
    found = medians(distinct([window(keys) for keys in windows], KEYS))
    each = np.sort(np.concatenate([count(np.array([window(keys)]), KEYS) for keys in windows]), axis=0)
    assert found.tolist() == each[(len(windows) - 1) // 2].tolist()


def test_medians_go_by_weight() -> None:
    assert medians(Distinct(np.array([[1.0], [9.0]], np.float32), np.array([1, 3]))).tolist() == [9.0]


@pytest.mark.parametrize("stranger", [KEYS, -1])
def test_an_id_outside_the_vocabulary_is_refused(stranger: int) -> None:
    with pytest.raises(UsageError, match="9 ids"):
        count(np.array([[BEGIN, stranger, END]]), KEYS)
