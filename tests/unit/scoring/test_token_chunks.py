"""Rows into chunks, their table, and pooling: what is kept changes nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.scoring.chunks import Chunks, Cut, cut, pool
from logsentry.text.vocabulary import PAD

CHUNK, PLACES = 4, 3
ROWS = st.lists(st.lists(st.integers(3, 6), max_size=CHUNK * PLACES), min_size=1, max_size=12)


def summarise(ids: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Any function of a chunk and its place; here one whose values say both."""
    code = (ids * 7 ** np.arange(CHUNK)).sum(axis=1)
    return np.stack([code, places, (ids != PAD).sum(axis=1)], axis=1).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_cut_keeps_every_token_at_its_place(rows: list[list[int]]) -> None:
    found = cut(rows, CHUNK)
    ends = [*found.starts[1:].tolist(), len(found.ids)]
    for row, start, end, tokens in zip(rows, found.starts.tolist(), ends, found.tokens.tolist(), strict=True):
        together = found.ids[start:end].ravel().tolist()
        assert together == row + [PAD] * (len(together) - len(row))
        assert found.places[start:end].tolist() == list(range(max(1, -(-len(row) // CHUNK))))
        assert tokens == len(row)


def test_a_batch_of_equal_lengths_is_cut_as_rows_are() -> None:
    ids = np.arange(3, 23).reshape(2, 10)
    assert cut(ids, CHUNK).ids.tolist() == cut(ids.tolist(), CHUNK).ids.tolist()


def test_no_rows_are_no_chunks() -> None:
    assert cut([], CHUNK).ids.shape == (0, CHUNK)


@settings(max_examples=30, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4), st.sampled_from([0, 1, 3, 1000]))
def test_the_table_changes_no_bit(calls: list[list[list[int]]], bound: int) -> None:
    table = Chunks(summarise, bound)
    for rows in calls:
        of = cut(rows, CHUNK)
        for pooling in ("mean", "max", "flatten"):
            got = pool(table.summaries(of), of, pooling)
            assert got.tobytes() == pool(summarise(of.ids, of.places), of, pooling).tobytes()


def test_equal_chunks_at_equal_places_are_computed_once() -> None:
    table = Chunks(summarise, 100)
    rows = [[3, 3, 3, 3, 4], [3, 3, 3, 3, 5], [4]]
    table.summaries(cut(rows, CHUNK))
    assert (table.asked, table.run) == (5, 4)
    table.summaries(cut(rows, CHUNK))
    assert (table.asked, table.run) == (10, 4)
    table.summaries(cut([[5, 5, 5, 5, 3, 3, 3, 3]], CHUNK))  # the chunk of threes stands at another place
    assert (table.asked, table.run) == (12, 6)


def test_a_full_table_starts_anew() -> None:
    table = Chunks(summarise, 2)
    for row in ([3], [4], [5], [5], [3]):
        table.summaries(cut([row], CHUNK))
    assert (table.asked, table.run) == (5, 4)  # 5 made it start anew, so 3 is computed again


def test_pooling_means_what_it_says() -> None:
    of = Cut(np.array([[3, 4], [5, PAD], [6, PAD]]), np.array([0, 1, 0]), np.array([0, 2]), np.array([3, 1]))
    summaries = np.array([[2.0, -1.0], [4.0, -3.0], [5.0, 5.0]], np.float32)
    assert pool(summaries, of, "mean").tolist() == [[2.0, np.float32(-4 / 3)], [5.0, 5.0]]
    assert pool(summaries, of, "max").tolist() == [[4.0, -1.0], [5.0, 5.0]]
    assert pool(summaries, of, "flatten").tolist() == [[6.0, -4.0], [5.0, 5.0]]
