"""Intervals against scipy, and the bootstrap against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from logsentry.experiments.intervals import Bootstrap, over_seeds
from logsentry.experiments.measures import measured


@pytest.mark.parametrize("count", [2, 3, 5, 10, 31])
def test_seeds_as_scipy_has_it(count: int) -> None:
    values = np.random.default_rng(count).normal(0.9, 0.01, count)
    found = over_seeds(values.tolist())
    expected = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-4)


def test_the_bootstrap_of_windows_that_each_came_once_is_nearly_binomial() -> None:
    normal, abnormal = np.array([1] * 1000 + [0] * 200), np.array([0] * 1000 + [1] * 200)
    alarm = np.arange(1200) >= 1050  # recall 150 of 200
    at = measured(alarm, normal, abnormal)
    precision, recall, f1, false_alarms = Bootstrap(normal, abnormal).intervals(alarm, at)
    assert (precision.low, precision.high, false_alarms.high) == (1, 1, 0)
    assert recall.mean == 0.75
    half = 1.96 * (0.75 * 0.25 / 200) ** 0.5
    assert recall.low == pytest.approx(0.75 - half, abs=0.01)
    assert recall.high == pytest.approx(0.75 + half, abs=0.01)
    assert f1.low < at.f1 < f1.high


def test_one_window_that_is_most_sessions_makes_it_wide() -> None:
    normal, abnormal = np.array([10_000, *[1] * 99]), np.array([0] * 50 + [100] * 50)
    alarm = np.arange(100) % 50 == 0
    wide = Bootstrap(normal, abnormal).intervals(alarm, measured(alarm, normal, abnormal))[3]
    assert wide.low == 0
    assert wide.high > 99_000


def test_the_same_seed_draws_the_same() -> None:
    normal, abnormal, alarm = np.arange(50), np.arange(50)[::-1], np.arange(50) > 20
    at = measured(alarm, normal, abnormal)
    assert Bootstrap(normal, abnormal).intervals(alarm, at) == Bootstrap(normal, abnormal).intervals(alarm, at)
    assert Bootstrap(normal, abnormal).intervals(alarm, at) != Bootstrap(normal, abnormal, seed=1).intervals(alarm, at)
