"""A budget that lets too many, or not vouched for few, benign windows alert is told to who trains."""

from __future__ import annotations

import pytest

from logsentry.pipeline.budget import sentences, too_wide
from logsentry.scoring.calibration import VERSION, Calibration
from logsentry.scoring.conformal import share_of


def calibrated(windows_per_day: float, alerts_per_day: float, held_back: int = 100) -> Calibration:
    values = tuple(float(value) for value in range(held_back))
    return Calibration(VERSION, (), {"majority": values, "mean": values}, windows_per_day, alerts_per_day)


@pytest.mark.parametrize(("windows", "said"), [(1.7, "100%"), (20.0, "25%")])
def test_more_alerts_than_windows_are_told(windows: float, said: str) -> None:
    (told,) = sentences(calibrated(windows, 5.0))
    assert f"come to {windows:.3g} a day" in told
    assert f"let {said} of them alert" in told
    wished = float(told.rpartition("--alerts-per-day ")[2].split()[0])
    assert share_of(wished, windows) == pytest.approx(0.01)
    assert sentences(calibrated(windows, wished)) == []


def test_fewer_alerts_than_can_be_vouched_for_are_told() -> None:
    (told,) = sentences(calibrated(10_000.0, 5.0))
    assert "100 benign windows held back" in told
    assert "no fewer than 99 false alerts" in told
    assert sentences(calibrated(10_000.0, 5.0, held_back=3000)) == []


def test_an_ordinary_budget_needs_no_words() -> None:
    assert sentences(calibrated(400.0, 5.0)) == []


def test_who_trains_without_labels_is_told_the_same_of_ordinary_windows() -> None:
    (told,) = too_wide(calibrated(1.7, 5.0), "ordinary")
    assert told.startswith("the ordinary windows come to 1.7 a day")
    assert too_wide(calibrated(400.0, 5.0), "ordinary") == []
