"""Contexts are the ids before a key, and distinct rows are those of numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from logsentry.text.contexts import contexts, contexts_of, distinct
from logsentry.text.vocabulary import BEGIN, END, PAD


def test_every_key_but_the_first_follows_the_ids_before_it() -> None:
    rows = contexts(np.array([[BEGIN, 7, 8, END]]), history=3)
    assert rows.tolist() == [[PAD, PAD, BEGIN, 7], [PAD, BEGIN, 7, 8], [BEGIN, 7, 8, END]]


def test_an_empty_session_is_one_guess() -> None:
    assert contexts(np.array([[BEGIN, END]]), history=2).tolist() == [[PAD, BEGIN, END]]


@given(st.lists(st.lists(st.integers(5, 40), min_size=1, max_size=15), min_size=1, max_size=6), st.integers(1, 12))
def test_contexts_of_windows_are_those_of_each_window(windows: list[list[int]], history: int) -> None:
    whole = [[BEGIN, *window] for window in windows]
    rows = contexts_of(whole, history)
    expected = []
    for window in sorted(whole, key=len):
        padded = [PAD] * history + window
        expected += [padded[at : at + history + 1] for at in range(1, len(window))]
    assert rows.tolist() == expected


def test_no_window_has_no_context() -> None:
    assert contexts_of([], 4).shape == (0, 5)
    found = distinct(np.empty((0, 5), np.int64))
    assert (len(found.rows), len(found.inverse), len(found.counts)) == (0, 0, 0)


@given(
    arrays(
        np.int64,
        st.tuples(st.integers(1, 40), st.integers(1, 14)),
        elements=st.one_of(st.integers(0, 2), st.integers(0, 2**20)),
    )
)
def test_distinct_rows_are_those_of_numpy(rows: np.ndarray) -> None:
    unique, inverse, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    found = distinct(rows)
    np.testing.assert_array_equal(found.rows, unique)
    np.testing.assert_array_equal(found.counts, counts)
    np.testing.assert_array_equal(found.inverse, inverse)
    np.testing.assert_array_equal(found.rows[found.inverse], rows)
