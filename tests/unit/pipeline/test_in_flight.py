"""Windows in flight come out again as they were, and everything else by the rule."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.pipeline.in_flight import Handed, InFlight
from logsentry.schema.event import Event
from logsentry.schema.profile import CountRule, SessionRule, Windowing
from logsentry.schema.window import Window
from logsentry.stages.closed import Closed
from logsentry.stages.windows import assembler

SESSIONS = Windowing(session=SessionRule(("host",), gap_seconds=10, max_events=4))


def event(name: str, second: int = 0, host: str = "a") -> Event:
    return Event(name, second * 1_000_000_000, "test", {"host": host}, name, name.encode())


def names(closed: Iterable[Closed]) -> list[str]:
    return ["".join(event.id for event in each.window.events) for each in closed]


def handed(*windows: str, later: str = "") -> list[Handed]:
    return [Handed("a", tuple(window), tuple(event for event in window if event in later)) for window in windows]


def test_a_window_comes_out_with_its_last_event_whatever_the_rule_says() -> None:
    flight = InFlight(assembler(SESSIONS), handed("ac"))
    assert names(flight.feed(event("a"))) == []
    assert names(flight.feed(event("b", 1))) == []
    [again] = flight.feed(event("c", 5000))
    assert (names([again]), len(again.done)) == (["ac"], 2)
    assert names(flight.flush()) == ["b"], "an event that came between is a window by itself"


def test_it_is_listed_until_it_has_ended() -> None:
    flight = InFlight(assembler(SESSIONS), handed("ab"))
    [*_, again] = [*flight.feed(event("a")), *flight.feed(event("b"))]
    assert flight.listed == tuple(handed("ab"))
    flight.hand([again])
    assert flight.listed == tuple(handed("ab"))
    flight.end([again])
    assert flight.listed == ()


def test_of_what_does_not_come_again_the_rest_is_a_window() -> None:
    flight = InFlight(assembler(SESSIONS), handed("ab", "cd"))
    assert names(flight.feed(event("b"))) == []
    assert names(flight.incomplete()) == ["b"]
    assert flight.listed == ()
    assert names(flight.feed(event("c"))) == []
    assert names(flight.flush()) == ["c"]


def test_sliding_windows_go_on_with_the_events_that_later_windows_hold() -> None:
    rule = Windowing(count=CountRule(4, 2))
    flight = InFlight(assembler(rule), handed("abcd", later="cd"))
    found = [closed for name in "abcdef" for closed in flight.feed(event(name))]
    assert names(found) == ["abcd", "cdef"]
    assert ["".join(one.id for one in each.done) for each in found] == ["ab", "cd"]


@given(
    st.lists(st.tuples(st.integers(0, 15), st.sampled_from("ab")), min_size=1, max_size=20),
    st.integers(0, 20),
    st.sampled_from([SESSIONS, Windowing(), Windowing(count=CountRule(3, 3, ("host",)))]),
)
def test_whatever_was_in_flight_each_event_is_done_once(steps: list[tuple[int, str]], cut: int, rule: Windowing) -> None:
    clock, events = 0, []
    for number, (step, host) in enumerate(steps):
        clock += step
        events.append(event(chr(97 + number), clock, host))
    first = InFlight(assembler(rule))
    closed = [each for one in events[:cut] for each in first.feed(one)]
    first.hand(closed)
    again = InFlight(assembler(rule), first.listed)
    found = [each for one in events for each in again.feed(one)]
    found += again.flush()
    assert set(names(closed)) <= set(names(found))
    assert sorted("".join(names(found))) == [one.id for one in events]


def test_two_windows_of_the_same_events_are_listed_once_and_end_once() -> None:
    flight = InFlight(assembler(SESSIONS))
    window = Closed(Window("a", (event("a"),)), ())
    flight.hand([window, window])
    flight.end([window, window])
    assert flight.listed == ()


@pytest.mark.parametrize("until", [0, 10**18])
def test_the_clock_does_not_close_what_is_in_flight(until: int) -> None:
    flight = InFlight(assembler(SESSIONS), handed("ab"))
    list(flight.feed(event("a")))
    assert names(flight.quiet(until)) == []
