"""Windows in flight: handed to exporters, or about to be, and not yet known to have ended.

A pass that is cut off cannot know which of them a place has stored. They are in the checkpoint before an exporter sees them, and the next
pass makes them of the same events again, whatever has come since and whatever the rule would now say. So they have the same ids, and a
place that keeps ids takes none of them twice. All other events go to the rule (`stages/windows.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from logsentry.schema.event import Event
from logsentry.schema.window import Window
from logsentry.stages.closed import Closed
from logsentry.stages.windows import Assembler


class Handed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One window: its entity and the ids of its events, in order; `later` are those that a later window holds too."""

    key: str
    events: tuple[str, ...]
    later: tuple[str, ...] = ()


class InFlight:
    """The assembler of a pass. `earlier` are windows that the pass before had in flight; what it makes of them stays listed."""

    def __init__(self, rule: Assembler, earlier: Iterable[Handed] = ()) -> None:
        self._rule = rule
        self._listed: dict[Handed, None] = dict.fromkeys(earlier)
        self._coming: dict[Handed, dict[str, Event]] = {window: {} for window in self._listed}
        self._of: dict[str, list[Handed]] = {}
        for window in self._listed:
            for event in window.events:
                self._of.setdefault(event, []).append(window)

    @property
    def listed(self) -> tuple[Handed, ...]:
        """What a checkpoint has to know."""
        return tuple(self._listed)

    def hand(self, closed: Iterable[Closed]) -> None:
        """These windows are about to be handed out."""
        self._listed.update(dict.fromkeys(map(_handed, closed)))

    def end(self, closed: Iterable[Closed]) -> None:
        """These have ended."""
        for each in closed:
            self._listed.pop(_handed(each), None)  # two windows by time may hold the same events, and are listed once

    def feed(self, event: Event) -> Iterator[Closed]:
        return self._again(event, self._of.pop(event.id)) if event.id in self._of else self._rule.feed(event)

    def _again(self, event: Event, windows: list[Handed]) -> Iterator[Closed]:
        for window in windows:
            came = self._coming[window]
            came[event.id] = event
            if len(came) == len(window.events):
                yield self._made(window)
        if all(event.id in window.later for window in windows):
            yield from self._rule.feed(event)

    def quiet(self, until: int) -> Iterator[Closed]:
        return self._rule.quiet(until)

    def flush(self) -> Iterator[Closed]:
        yield from self.incomplete()
        yield from self._rule.flush()

    def incomplete(self) -> Iterator[Closed]:
        """What has come of windows of which no more will: the rest is settled already, or is there no more."""
        for window in list(self._coming):
            made = self._made(window)
            if len(made.window.events) < len(window.events):
                del self._listed[window]
            if made.window.events:
                yield made
        self._of.clear()

    def _made(self, window: Handed) -> Closed:
        came = self._coming.pop(window)
        events = tuple(came[event] for event in window.events if event in came)
        return Closed(Window(window.key, events), tuple(event for event in events if event.id not in window.later))


def _handed(closed: Closed) -> Handed:
    done = {event.id for event in closed.done}
    ids = tuple(event.id for event in closed.window.events)
    return Handed(closed.window.key, ids, tuple(event for event in ids if event not in done))
