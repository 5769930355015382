"""What a person is told at the end of a pass, before the books."""

from __future__ import annotations

from pathlib import Path

import pytest

from logsentry.pipeline.done import Done
from logsentry.schema.books import Books, Run


def ended(threshold: float = 2.5, per_day: float = 5.0, attainable: float = 0.0) -> list[str]:
    run = Run("id", "http-access", "web@0123", ("a.log",), threshold, 1447, per_day, Books(10, 10), attainable)
    return Done(run, 1500, 3, None, Path("dead")).sentences()


@pytest.mark.parametrize(("threshold", "said"), [(2.35, "2.35"), (5e-324, "just above 0"), (0.0, "0")])
def test_the_threshold_is_a_number_that_says_something(threshold: float, said: str) -> None:
    assert ended(threshold) == [f"1,500 windows scored by web@0123, 3 at or above the threshold {said}"]


def test_a_budget_that_the_windows_cannot_vouch_for_is_told() -> None:
    [_, told] = ended(attainable=79.618)
    assert told.startswith(
        "the 1,447 held-back windows can vouch for no fewer than 79.6 false alerts a day: a budget of 5 alerts only"
    )
    assert "no fewer than 1,230 false" in ended(attainable=1234.5)[1]
    assert len(ended(attainable=5.0)) == 1


def test_a_budget_that_lets_everything_alert_is_told() -> None:
    [_, told] = ended(float("-inf"))
    assert told == (
        "every window alerts, since ordinary logs had no more windows a day than the budget of 5; give a smaller one with "
        "--alerts-per-day"
    )
