"""Occlusion tells what a model answers without a token, in a bounded number of passes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.scoring.occlusion import MOST, PASSES, candidates, occluded
from logsentry.text.vocabulary import PAD

WORTH = np.zeros(500)
WORTH[[PAD, 7, 8, 9, 300]] = 0, 2.0, 1.0, -1.0, 4.0


def ask(rows: np.ndarray) -> np.ndarray:
    """A model that adds what its tokens are worth, so that what each carries is known."""
    logits: np.ndarray = WORTH[rows].sum(axis=1)
    return logits


def test_what_is_told_is_what_the_model_loses() -> None:
    ids = np.array([5, 7, 8, 9, 7, 5])
    first, second = occluded(ids, 4.0, ask)
    assert (first.position, first.key, second.position, second.key) == (1, 7, 2, 8)
    assert first.said == "carries 4.00 of the score: without it, which occurs 2 times, the logit is 0.00 and not 4.00"
    assert second.said == "carries 1.00 of the score: without it the logit is 3.00 and not 4.00"


def test_nothing_is_told_where_nothing_carries() -> None:
    assert occluded(np.array([5, 9]), -1.0, ask) == ()
    assert occluded(np.array([PAD, PAD]), 0.0, ask) == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(3, 499), min_size=1, max_size=512), st.booleans())
def test_passes_are_bounded(row: list[int], special: bool) -> None:
    ids = np.array([*row, 300] if special else row)
    passes: list[int] = []

    def counted(rows: np.ndarray) -> np.ndarray:
        passes.append(len(rows))
        return ask(rows)

    logit = float(ask(ids[None])[0])
    found = occluded(ids, logit, counted)
    assert sum(passes) <= PASSES
    assert len(found) <= MOST
    for finding in found:
        assert ids[finding.position] == finding.key
        assert (ids[: finding.position] != finding.key).all()


def test_among_many_tokens_the_strongest_span_is_tried() -> None:
    ids = np.concatenate([np.arange(310, 480), [300], np.arange(11, 250)])
    assert 300 in candidates(ids, 4.0, ask)
    assert occluded(ids, 4.0, ask)[0].key == 300
