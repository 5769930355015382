"""The nearest known vector, held against comparing every pair."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from logsentry.text.nearest import ROWS, STEP, Nearest

KEYS = 6
vectors = st.integers(1, 8).flatmap(lambda rows: arrays(np.float32, (rows, KEYS), elements=st.integers(0, 9).map(float)))
weights = arrays(np.float64, KEYS, elements=st.floats(0.5, 1.0))


def pairwise(x: np.ndarray, known: np.ndarray, weights: np.ndarray) -> np.ndarray:
    apart = (np.abs(x[:, None] - known) * weights).sum(axis=2)
    larger = np.maximum((x * weights).sum(axis=1)[:, None], (known * weights).sum(axis=1))
    return apart / np.maximum(larger, 1 / STEP)


@settings(max_examples=30)
@given(vectors, vectors, weights)
def test_distances_are_those_of_all_pairs(known: np.ndarray, others: np.ndarray, weights: np.ndarray) -> None:
    rounded = np.round(weights * STEP) / STEP
    found = Nearest(known, weights)(others)
    wanted = pairwise(others, known, rounded)
    np.testing.assert_allclose(found.distance, wanted.min(axis=1), atol=1e-6)
    np.testing.assert_allclose(wanted[np.arange(len(others)), found.place], wanted.min(axis=1), atol=1e-6)


@settings(max_examples=30)
@given(vectors, weights)
def test_what_is_known_is_at_distance_0(known: np.ndarray, weights: np.ndarray) -> None:
    assert not Nearest(known, weights)(known).distance.any()


@settings(max_examples=30)
@given(vectors)
def test_a_key_that_nothing_known_has_is_counted(known: np.ndarray) -> None:
    known = known.copy()
    known[:, 0] = 0
    more = known.copy()
    more[:, 0] = 1
    assert (Nearest(known)(more).distance > 0).all()


def test_nothing_shared_is_the_largest_distance_and_batches_do_not_matter() -> None:
    nearest = Nearest(np.eye(KEYS, dtype=np.float32)[:2])
    assert nearest(np.array([[0, 0, 1, 0, 0, 0]], np.float32)).distance.tolist() == [2.0]
    many = np.arange((ROWS + 3) * KEYS).reshape(-1, KEYS).astype(np.float32) % 5
    whole = nearest(many).distance
    assert whole.tolist() == [nearest(row[None]).distance[0] for row in many]
    assert len(nearest(np.zeros((0, KEYS), np.float32)).distance) == 0
