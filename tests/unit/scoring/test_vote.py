"""The vote: a value that agrees with counting hands, ties told, and early stops that never change a verdict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from logsentry.scoring.vote import combine, needed, told, undecided

SCORES = st.integers(1, 12).flatmap(lambda members: arrays(np.float64, (members, 5), elements=st.integers(0, 6).map(float)))


@given(SCORES, st.integers(0, 7).map(float))
def test_the_majority_value_reaches_the_threshold_when_most_members_do(scores: np.ndarray, limit: float) -> None:
    hands = (scores >= limit).sum(axis=0)
    assert np.array_equal(combine(scores, "majority", len(scores)) >= limit, hands * 2 > len(scores))


@given(SCORES, st.integers(0, 7).map(float))
def test_stopping_early_never_changes_a_verdict(scores: np.ndarray, limit: float) -> None:
    members = len(scores)
    verdict = combine(scores, "majority", members) >= limit
    for asked in range(needed(members), members + 1):
        open_ = undecided(scores[:asked], limit, members)
        early = combine(scores[:asked], "majority-early", members)
        assert np.array_equal((early >= limit)[~open_], verdict[~open_])
        assert (early <= combine(scores, "majority", members)).all()
    assert not undecided(scores, limit, members).any()


def test_the_mean_is_the_mean() -> None:
    assert combine(np.array([[1.0], [2.0], [6.0]]), "mean", 3).tolist() == [3.0]


@pytest.mark.parametrize(
    ("yes", "asked", "members", "text"),
    [
        (7, 9, 9, "7 of 9 members"),
        (4, 8, 8, "4 of 8 members (tie: no majority)"),
        (13, 13, 25, "13 of 13 members (12 not asked)"),
    ],
)
def test_votes_are_told(yes: int, asked: int, members: int, text: str) -> None:
    assert told(yes, asked, members) == text
