"""Thresholds from held-back normal windows: the promise is checked on data that set no threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.scoring.conformal import p_values, share_of, smallest_budget, threshold

HELD_BACK = np.arange(1.0, 100.0)  # 99 values, so that p-values are whole hundredths


def test_p_values_count_what_is_at_least_as_strange() -> None:
    assert p_values([0.0, 1.0, 99.0, 100.0], HELD_BACK).tolist() == [1.0, 1.0, 0.02, 0.01]


def test_the_threshold_lets_the_wanted_share_through() -> None:
    found = threshold(HELD_BACK, 0.05)
    assert found.attainable
    assert [v for v in HELD_BACK if v >= found.value] == [96.0, 97.0, 98.0, 99.0]


def test_a_share_too_small_to_vouch_for_is_told() -> None:
    found = threshold(HELD_BACK, 0.001)
    assert not found.attainable
    assert found.value > HELD_BACK[-1]
    assert smallest_budget(HELD_BACK, 1000.0) == 10.0


def test_a_budget_above_all_windows_lets_everything_alert() -> None:
    assert threshold(HELD_BACK, share_of(5000, 1000)).value == -np.inf


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan")])
def test_a_budget_is_above_zero(budget: float) -> None:
    with pytest.raises(UsageError):
        share_of(budget, 100.0)


@given(st.lists(st.integers(0, 20), min_size=5, max_size=200), st.floats(0.001, 0.999))
def test_a_value_alerts_exactly_when_its_p_value_is_small_enough(values: list[int], share: float) -> None:
    held_back = np.sort(np.array(values, dtype=float))
    limit = threshold(held_back, share)
    tried = np.arange(-1, 23) / 1.0
    alerts = tried >= limit.value
    small = p_values(tried, held_back) <= share + 1e-9
    assert np.array_equal(alerts, small) if limit.attainable else not alerts[tried <= held_back[-1]].any()


def test_the_share_of_false_alerts_keeps_the_promise() -> None:
    """Over 400 draws of held-back and new windows from one distribution, 5 % may alert; 3 standard errors are allowed."""
    random = np.random.default_rng(7)
    alerts = [
        np.mean(random.exponential(size=200) >= threshold(np.sort(random.exponential(size=199)), 0.05).value) for _ in range(400)
    ]
    assert np.mean(alerts) <= 0.05 + 3 * np.std(alerts) / np.sqrt(len(alerts))
    assert np.mean(alerts) > 0.03
