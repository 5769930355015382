"""Runs of keys, held against counting them one by one."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.text.ngrams import SMOOTHING, Grams, runs

KEYS = 8
windows = st.lists(st.lists(st.integers(0, KEYS - 1), min_size=1, max_size=7).map(tuple), min_size=1, max_size=6)


def grams(seen: list[tuple[int, ...]], n: int) -> tuple[Grams, Counter[tuple[int, ...]]]:
    times = Counter(run for window in seen for run in runs(window, n))
    ordered = sorted(times)
    return Grams(ordered, [times[run] for run in ordered], n, KEYS), times


@settings(max_examples=50)
@given(windows, st.lists(st.integers(0, KEYS - 1), min_size=1, max_size=7), st.integers(1, 3))
def test_unseen_runs_and_their_surprise(seen: list[tuple[int, ...]], window: list[int], n: int) -> None:
    known, times = grams(seen, n)
    ids = np.array([window])
    each = list(runs(window, n))
    assert known.unseen(ids)[0].tolist() == [run not in times for run in each]
    before = Counter[tuple[int, ...]]()
    for run, number in times.items():
        before[run[:-1]] += number
    wanted = [math.log2((before[run[:-1]] + SMOOTHING * KEYS) / (times[run] + SMOOTHING)) for run in each]
    assert known.surprise(ids)[0].tolist() == pytest.approx(wanted)


def test_what_came_after_is_named_the_commonest_first() -> None:
    known, _ = grams([(3, 5, 6, 4), (3, 5, 7, 4), (3, 5, 7, 4)], 2)
    assert known.after([5]) == (7, 6)
    assert known.after([2]) == ()
