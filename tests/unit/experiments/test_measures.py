"""Measures against counting by hand, and what must hold for any values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.experiments.measures import alarms, attainable, curve, from_counts, measured

VALUES = st.floats(-1e6, 1e6)


def test_by_hand() -> None:
    normal, abnormal = np.array([900, 100, 0, 0]), np.array([0, 10, 20, 70])
    found = measured(np.array([False, True, True, False]), normal, abnormal)
    assert found == pytest.approx((30 / 130, 0.3, 60 / 230, 10_000))


def test_nothing_found_is_zero() -> None:
    assert from_counts(0, 0, 10, 1000) == (0, 0, 0, 0)
    assert from_counts(0, 0, 0, 0) == (0, 0, 0, 0)


def test_a_share_that_cannot_be_vouched_for() -> None:
    assert attainable(999, 0.001)
    assert not attainable(998, 0.001)
    assert alarms([1.0, 2.0, 2.1], [0.0, 1.0, 2.0], 0.001).tolist() == [False, False, True]


@given(st.lists(VALUES, min_size=1, max_size=300), st.sampled_from([0.001, 0.01, 0.1, 0.5]))
def test_no_more_held_back_windows_alert_than_may(held_back: list[float], share: float) -> None:
    assert alarms(held_back, held_back, share).sum() <= share * (len(held_back) + 1)


@given(st.lists(st.tuples(VALUES, st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60), VALUES)
def test_no_threshold_is_better_than_the_best(rated: list[tuple[float, int, int]], bar: float) -> None:
    values, normal, abnormal = (np.array(column) for column in zip(*rated, strict=True))
    best = curve(values, normal, abnormal).best
    reached = [measured(values >= at, normal, abnormal).f1 for at in [bar, *values]]
    assert max(reached) == pytest.approx(best)


def test_windows_of_one_value_are_one_point() -> None:
    found = curve([1.0, 1.0, 0.0], np.array([1, 0, 5]), np.array([0, 1, 1]))
    assert found.recall.tolist() == [0.5, 1.0]
    assert found.precision.tolist() == [0.5, 0.25]
