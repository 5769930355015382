"""Sliding windows, by count and by time. They come out as they fill; an event is done when no later window will hold it."""

from __future__ import annotations

from collections.abc import Iterator

from logsentry.errors import UsageError
from logsentry.schema.event import Event
from logsentry.schema.profile import CountRule, TimeRule
from logsentry.schema.window import Window
from logsentry.stages.closed import Closed, entity

SILENT_NANOSECONDS = 86_400 * 1_000_000_000
"""After a day without an event a window by count is not waited for: its records would hold up the cursor for ever."""


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

    def quiet(self, until: int) -> Iterator[Closed]:
        """The last windows of entities that had fallen silent a day before; the others wait for more events."""
        silent = [key for key, held in self._held.items() if held and (held[-1].time or 0) < until - SILENT_NANOSECONDS]
        return iter([self._last(key) for key in silent])

    def flush(self) -> Iterator[Closed]:
        for key in [key for key, held in self._held.items() if held]:
            yield self._last(key)
        self._held, self._fresh = {}, {}

    def _last(self, key: str) -> Closed:
        """What is left of an entity. Where all of it has been in a window already the window is empty: only the books still wait."""
        held, fresh = tuple(self._held.pop(key)), self._fresh.pop(key)
        return Closed(Window(key, held if fresh else ()), held)


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

    def quiet(self, until: int) -> Iterator[Closed]:
        """The windows that end before this time: no event of theirs is to come."""
        for key, held in self._held.items():
            while held and until >= self._start[key] + self._length:
                yield self._cut(key, held, self._start[key])
                self._start[key] += self._step

    def flush(self) -> Iterator[Closed]:
        for key, held in self._held.items():
            start = self._start[key]
            while held:
                yield self._cut(key, held, start)
                start += self._step
        self._held, self._start = {}, {}
