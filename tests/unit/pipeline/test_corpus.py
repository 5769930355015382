"""The split of training data: by time, with no event on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import TrainingError
from logsentry.pipeline.corpus import LEAST_HELD_BACK, per_day, split, windows_of
from logsentry.schema.event import Event
from logsentry.schema.profile import CountRule, Field, Profile, SessionRule, Windowing

HOUR = 3_600_000_000_000


def events(count: int) -> list[Event]:
    return [Event(str(number), number * HOUR, "test", {"source.address": "a"}, "", b"") for number in range(count)]


def profile(windows: Windowing) -> Profile:
    return Profile((Field("url.path"),), windows)


@given(st.integers(60, 200), st.floats(0.2, 0.6), st.integers(2, 9), st.integers(1, 9))
def test_no_event_is_fitted_on_and_held_back(count: int, share: float, size: int, step: int) -> None:
    windows = windows_of(events(count), profile(Windowing(count=CountRule(size, min(step, size)))))
    if len(windows) * (1 - share) < LEAST_HELD_BACK + size:
        return
    fit, held_back = split(windows, share)
    fitted = {event.id for window in fit for event in window.events}
    assert not fitted & {event.id for window in held_back for event in window.events}
    assert max(w.time or 0 for w in fit) <= min(w.time or 0 for w in held_back)


def test_windows_are_in_order_of_time_whatever_the_order_of_the_files() -> None:
    rule = profile(Windowing(session=SessionRule(("source.address",), gap_seconds=60)))
    windows = windows_of(list(reversed(events(30))), rule)
    assert [window.time for window in windows] == sorted(event.time or 0 for event in events(30))


def test_too_few_windows_are_told() -> None:
    with pytest.raises(TrainingError, match="10 windows leave 3 to hold back"):
        split(windows_of(events(10), profile(Windowing())), 0.7)


def test_windows_a_day() -> None:
    assert per_day(windows_of(events(49), profile(Windowing()))) == pytest.approx(24.5)
    assert per_day(windows_of(events(1), profile(Windowing()))) == 24
