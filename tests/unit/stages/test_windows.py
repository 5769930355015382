"""Windows: what belongs together, in which order it comes out, and that no event is lost or settled twice."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.schema.event import Event
from logsentry.schema.profile import CountRule, SessionRule, TimeRule, Windowing
from logsentry.stages.closed import Closed
from logsentry.stages.sessions import Sessions
from logsentry.stages.windows import assembler

SECOND = 1_000_000_000


def event(number: int, key: str = "a", time: int | None = 0) -> Event:
    return Event(str(number), None if time is None else time * SECOND, "test", {"source.address": key}, "", b"")


def through(rules: Windowing, events: list[Event]) -> list[Closed]:
    windows = assembler(rules)
    closed = [closed for e in events for closed in windows.feed(e)]
    return closed + list(windows.flush())


def ids(closed: list[Closed]) -> list[list[str]]:
    return [[e.id for e in c.window.events] for c in closed if c.window.events]


SESSION = SessionRule(("source.address",), gap_seconds=10, max_events=3)


def test_a_gap_ends_a_session_and_output_follows_the_first_events() -> None:
    events = [event(1, "a", 0), event(2, "b", 1), event(3, "a", 5), event(4, "a", 30), event(5, "b", 31)]
    assert ids(through(Windowing(session=SESSION), events)) == [["1", "3"], ["2"], ["4"], ["5"]]


def test_a_full_session_ends_and_the_next_event_begins_another() -> None:
    assert ids(through(Windowing(session=SESSION), [event(n, "a", n) for n in range(5)])) == [["0", "1", "2"], ["3", "4"]]


def test_a_silent_entity_is_closed_by_the_clock_of_others() -> None:
    windows = Sessions(SESSION)
    assert list(windows.feed(event(1, "quiet", 0))) == []
    assert ids(list(windows.feed(event(2, "busy", 20)))) == [["1"]]


def test_a_long_session_ends_by_age() -> None:
    rule = SessionRule(("source.address",), gap_seconds=10, max_events=99, max_age_seconds=15)
    assert ids(through(Windowing(session=rule), [event(n, "a", 8 * n) for n in range(4)])) == [["0", "1"], ["2", "3"]]


def test_open_sessions_are_bounded() -> None:
    windows = Sessions(SESSION, max_open=2)
    closed = [c for n in range(5) for c in windows.feed(event(n, f"host{n}", 0))]
    assert ids(closed) == [["0"], ["1"], ["2"]]


def test_an_older_file_read_after_a_newer_one_keeps_its_sessions() -> None:
    events = [event(1, "a", 1000), event(2, "a", 1001), event(3, "a", 0), event(4, "b", 1), event(5, "a", 2)]
    assert ids(through(Windowing(session=SESSION), events)) == [["1", "2"], ["3", "5"], ["4"]]


def test_an_event_without_a_time_joins_the_session_that_is_open() -> None:
    assert ids(through(Windowing(session=SESSION), [event(1, "a", 100), event(2, "a", None)])) == [["1", "2"]]


def test_sliding_by_count_covers_the_tail() -> None:
    closed = through(Windowing(count=CountRule(3, 2)), [event(n) for n in range(6)])
    assert ids(closed) == [["0", "1", "2"], ["2", "3", "4"], ["4", "5"]]
    assert [[e.id for e in c.done] for c in closed] == [["0", "1"], ["2", "3"], ["4", "5"]]


def test_sliding_by_time_overlaps() -> None:
    closed = through(Windowing(time=TimeRule(10, 5)), [event(n, time=t) for n, t in enumerate([0, 4, 6, 12, 40])])
    assert ids(closed) == [["0", "1", "2"], ["2", "3"], ["3"], ["4"]]


def test_without_a_rule_every_event_is_a_window() -> None:
    assert ids(through(Windowing(), [event(1), event(2)])) == [["1"], ["2"]]


@pytest.mark.parametrize(
    "rules",
    [
        Windowing(count=CountRule(2, 3)),
        Windowing(time=TimeRule(5, 6)),
        Windowing(session=SessionRule((), 0)),
        Windowing(session=SESSION, count=CountRule(2, 1)),
    ],
)
def test_rules_that_would_lose_events_are_refused(rules: Windowing) -> None:
    with pytest.raises(UsageError):
        assembler(rules)


RULES = st.sampled_from(
    [
        Windowing(session=SESSION),
        Windowing(count=CountRule(3, 1)),
        Windowing(count=CountRule(4, 4)),
        Windowing(time=TimeRule(20, 7)),
        Windowing(),
    ]
)


@given(RULES, st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 200)), max_size=60))
def test_every_event_is_in_a_window_and_done_once(rules: Windowing, drawn: list[tuple[str, int | None]]) -> None:
    events = [event(number, key, time) for number, (key, time) in enumerate(drawn)]
    closed = through(rules, events)
    assert Counter(e.id for c in closed for e in c.done) == Counter(e.id for e in events)
    assert {e.id for c in closed for e in c.window.events} == {e.id for e in events}
    last_window = {e.id: at for at, c in enumerate(closed) for e in c.window.events}
    done_at = {e.id: at for at, c in enumerate(closed) for e in c.done}
    assert all(done_at[id_] >= at for id_, at in last_window.items())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200)), max_size=60))
def test_sessions_come_out_in_the_order_of_their_first_events(drawn: list[tuple[str, int]]) -> None:
    closed = through(Windowing(session=SESSION), [event(number, key, time) for number, (key, time) in enumerate(drawn)])
    firsts = [int(window[0]) for window in ids(closed)]
    assert firsts == sorted(firsts)


def test_quiet_closes_what_nothing_later_can_join_and_nothing_else() -> None:
    windows = Sessions(SESSION)
    for each in (event(1, "a", 0), event(2, "b", 5), event(3, "c", 8)):
        assert list(windows.feed(each)) == []
    assert ids(list(windows.quiet(10 * SECOND))) == []
    assert ids(list(windows.quiet(11 * SECOND))) == [["1"]]
    assert ids(list(windows.quiet(16 * SECOND))) == [["2"]]
    assert ids(list(windows.flush())) == [["3"]]


def test_quiet_gives_back_what_waited_behind_an_older_session() -> None:
    windows = Sessions(SESSION)
    events = [event(0, "long", 0), event(1, "a", 1), event(2, "a", 2), event(3, "a", 3)]
    assert [c for each in events for c in windows.feed(each)] == []
    assert ids(list(windows.quiet(4 * SECOND))) == [["1", "2", "3"]]


def test_quiet_waits_a_day_for_a_window_by_count_to_fill() -> None:
    windows = assembler(Windowing(count=CountRule(4, 2, ("source.address",))))
    for each in (event(1, "a", 0), event(2, "b", 80_000)):
        assert list(windows.feed(each)) == []
    assert list(windows.quiet(86_400 * SECOND)) == []
    assert ids(list(windows.quiet(86_401 * SECOND))) == [["1"]]
    assert ids(list(windows.flush())) == [["2"]]


@given(st.lists(st.integers(0, 120), max_size=40).map(sorted), st.integers(0, 160))
def test_quiet_cuts_the_windows_by_time_that_have_ended(times: list[int], until: int) -> None:
    rules = Windowing(time=TimeRule(20, 10))
    events = [event(number, "a", time) for number, time in enumerate(times) if time < until]
    windows = assembler(rules)
    found = [c for each in events for c in windows.feed(each)]
    found += windows.quiet(until * SECOND)
    whole = through(rules, events)
    assert ids(found) == ids(whole)[: len(ids(found))]
    ended = [c for c in whole if c.window.events and _end(c) <= until]
    assert len(ids(found)) == len(ended)


def _end(closed: Closed) -> float:
    """A window of 20 s holds an event that no later one holds: it began in the 10 s before that event's."""
    first = min(e.time or 0 for e in closed.done) // SECOND if closed.done else 0
    return first - first % 10 + 20 if closed.done else 0


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200)), max_size=60),
    st.lists(st.integers(0, 230), max_size=6).map(sorted),
)
def test_passes_that_leave_sessions_open_give_the_same_windows(drawn: list[tuple[str, int]], ends: list[int]) -> None:
    """Each pass reads again what earlier ones left open, up to its own end of time."""
    events = [event(number, key, time) for number, (key, time) in enumerate(sorted(drawn, key=lambda each: each[1]))]
    found: list[list[str]] = []
    for until in [*ends, 300]:
        windows, done = Sessions(SESSION), {id_ for window in found for id_ in window}
        for each in events:
            if each.id not in done and (each.time or 0) < until * SECOND:
                found += ids(list(windows.feed(each)))
        found += ids(list(windows.quiet(until * SECOND)))
    assert sorted(found) == sorted(ids(through(Windowing(session=SESSION), events)))
