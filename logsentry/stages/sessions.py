"""Sessions by key: events of one entity, until it falls silent, or the session is full or too old."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from logsentry.errors import UsageError
from logsentry.schema.event import Event
from logsentry.schema.profile import SessionRule
from logsentry.schema.window import Window
from logsentry.stages.closed import Closed, entity

MAX_OPEN = 100_000
"""Entities that may have an open session; past it the one that was quiet longest is closed."""


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

    def quiet(self, until: int) -> Iterator[Closed]:
        """Sessions that an event after `until` cannot join, and those that lie more than a gap after it: the clock of whoever wrote
        their events was wrong. Also those that wait behind an older one which stays open: what follows is another pass, for which
        there is no order to keep."""
        for key, session in list(self._active.items()):
            if abs(until - session.last) > self._gap or until - session.first > self._age:
                self._close(key)
        while self._closed:
            yield heapq.heappop(self._closed)[1]

    def flush(self) -> Iterator[Closed]:
        for key in list(self._active):
            self._close(key)
        return self._ready()
