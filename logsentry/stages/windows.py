"""Puts events together into windows: sessions by key with a gap, sliding by count, sliding by time, or each by itself.

Sessions come out in the order of their first events, so output follows input; sliding windows as they fill. With each
window comes `done`: the events that no later window will hold, which is when the books may settle them. Scoring and
books are left to others.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

import msgspec

from logsentry.errors import UsageError
from logsentry.schema.event import Event
from logsentry.schema.profile import CountRule, SessionRule, TimeRule, Windowing
from logsentry.schema.window import Window

MAX_OPEN = 100_000
"""Entities that may have an open window; past it the one that was quiet longest is closed."""


class Closed(msgspec.Struct, frozen=True):
    """A finished window, and those events that no later window will hold.

    At the end of the input the window may be empty, where all that is left has been in a window already.
    """

    window: Window
    done: tuple[Event, ...]


class Assembler(Protocol):
    """Takes events in the order they were read and gives windows back as they close."""

    def feed(self, event: Event) -> Iterator[Closed]: ...

    def flush(self) -> Iterator[Closed]:
        """Close everything: the input has ended."""
        ...


def assembler(rules: Windowing) -> Assembler:
    """The assembler that a profile asks for; raises `UsageError` where the rule contradicts itself."""
    chosen = [rule for rule in (rules.session, rules.count, rules.time) if rule is not None]
    if len(chosen) > 1:
        raise UsageError("windows are either sessions, or sliding by count, or sliding by time: give one of the three")
    if rules.session is not None:
        return Sessions(rules.session)
    if rules.count is not None:
        return Counted(rules.count)
    return Timed(rules.time) if rules.time is not None else Single()


def entity(event: Event, key: tuple[str, ...]) -> str:
    """What a window is about: the values of the key fields, `-` for one that the event lacks."""
    return " ".join(str(event.fields.get(name, "-")) for name in key) if key else "all"


class Single:
    """Every event, or report, is a window of one."""

    def feed(self, event: Event) -> Iterator[Closed]:
        yield Closed(Window(event.source, (event,)), (event,))

    def flush(self) -> Iterator[Closed]:
        return iter(())


class _Open(msgspec.Struct):
    number: int
    events: list[Event]
    first: int
    last: int


class Sessions:
    """Sessions by key: one ends after `gap_seconds` without an event, when it is full, or when it is too old.

    Time is event time; the clock is the latest time seen and closes the sessions of entities that have fallen silent. An
    event without a time counts as of that clock. One that is older than the clock by more than a gap sets it back: rotated files are
    often read newest first, and the older file deserves whole sessions too.
    """

    def __init__(self, rule: SessionRule, max_open: int = MAX_OPEN) -> None:
        if rule.gap_seconds <= 0 or rule.max_events < 1 or rule.max_age_seconds <= 0:
            raise UsageError("a session needs a gap, an age and a number of events above zero")
        self._rule, self._max_open = rule, max_open
        self._gap, self._age = int(rule.gap_seconds * 1e9), int(rule.max_age_seconds * 1e9)
        self._opened: OrderedDict[int, str] = OrderedDict()  # by number: which session began first
        self._active: OrderedDict[str, _Open] = OrderedDict()  # by last event: which has been quiet longest
        self._closed: list[tuple[int, Closed]] = []
        self._count, self._clock = 0, 0

    def feed(self, event: Event) -> Iterator[Closed]:
        now = self._clock if event.time is None else event.time
        self._clock = now if now < self._clock - self._gap else max(self._clock, now)
        key = entity(event, self._rule.key)
        session = self._active.get(key)
        if session is not None and (abs(now - session.last) > self._gap or now - session.first > self._age):
            self._close(key)
            session = None
        if session is None:
            session = self._open(key, now)
        session.events.append(event)
        session.last = max(session.last, now)
        self._active.move_to_end(key)
        if len(session.events) >= self._rule.max_events:
            self._close(key)
        self._close_quiet()
        return self._ready()

    def _open(self, key: str, now: int) -> _Open:
        session = _Open(self._count, [], now, now)
        self._opened[self._count] = key
        self._active[key] = session
        self._count += 1
        return session

    def _close_quiet(self) -> None:
        while self._active:
            key, session = next(iter(self._active.items()))
            if self._clock - session.last <= self._gap and len(self._active) <= self._max_open:
                return
            self._close(key)

    def _close(self, key: str) -> None:
        session = self._active.pop(key)
        del self._opened[session.number]
        events = tuple(session.events)
        heapq.heappush(self._closed, (session.number, Closed(Window(key, events), events)))

    def _ready(self) -> Iterator[Closed]:
        oldest = next(iter(self._opened), self._count)
        while self._closed and self._closed[0][0] < oldest:
            yield heapq.heappop(self._closed)[1]

    def flush(self) -> Iterator[Closed]:
        for key in list(self._active):
            self._close(key)
        return self._ready()


class Counted:
    """Windows of `size` events, a new one every `step`. What is left at the end is a last, shorter window."""

    def __init__(self, rule: CountRule) -> None:
        if not 1 <= rule.step <= rule.size:
            raise UsageError(
                f"a window of {rule.size} events cannot move by {rule.step}: the step is 1 to the size, else events are lost"
            )
        self._rule = rule
        self._held: dict[str, list[Event]] = {}
        self._fresh: dict[str, int] = {}

    def feed(self, event: Event) -> Iterator[Closed]:
        key = entity(event, self._rule.key)
        held = self._held.setdefault(key, [])
        held.append(event)
        self._fresh[key] = self._fresh.get(key, 0) + 1
        if len(held) == self._rule.size:
            yield Closed(Window(key, tuple(held)), tuple(held[: self._rule.step]))
            del held[: self._rule.step]
            self._fresh[key] = 0

    def flush(self) -> Iterator[Closed]:
        for key, held in self._held.items():
            if held and self._fresh[key]:
                yield Closed(Window(key, tuple(held)), tuple(held))
            elif held:  # every one of them has been in a window already; only the books still wait
                yield Closed(Window(key, ()), tuple(held))
        self._held, self._fresh = {}, {}


class Timed:
    """Windows of `seconds` of event time that begin at multiples of `step_seconds`; empty ones are left out.

    A late event counts as of the beginning of the window that is open, so that it is still scored.
    """

    def __init__(self, rule: TimeRule) -> None:
        if not 0 < rule.step_seconds <= rule.seconds:
            raise UsageError("a window by time moves by more than nothing and by no more than its length, else events are lost")
        self._rule = rule
        self._length, self._step = int(rule.seconds * 1e9), int(rule.step_seconds * 1e9)
        self._held: dict[str, list[tuple[int, Event]]] = {}
        self._start: dict[str, int] = {}
        self._clock = 0

    def feed(self, event: Event) -> Iterator[Closed]:
        now = self._clock if event.time is None else event.time
        self._clock = max(self._clock, now)
        key = entity(event, self._rule.key)
        held = self._held.setdefault(key, [])
        start = self._start.setdefault(key, now - now % self._step)
        closed = []
        while held and now >= start + self._length:
            closed.append(self._cut(key, held, start))
            start += self._step
        if not held:
            start = max(start, now - now % self._step)
        self._start[key] = start
        held.append((max(now, start), event))
        return iter(closed)

    def _cut(self, key: str, held: list[tuple[int, Event]], start: int) -> Closed:
        inside = tuple(event for when, event in held if when < start + self._length)
        done = tuple(event for when, event in held if when < start + self._step)
        held[:] = [(when, event) for when, event in held if when >= start + self._step]
        return Closed(Window(key, inside), done)

    def flush(self) -> Iterator[Closed]:
        for key, held in self._held.items():
            start = self._start[key]
            while held:
                yield self._cut(key, held, start)
                start += self._step
        self._held, self._start = {}, {}
