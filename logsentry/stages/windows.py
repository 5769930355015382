"""Puts events together into windows: sessions by key with a gap, sliding by count, sliding by time, or each by itself.

Sessions come out in the order of their first events, so output follows input; sliding windows as they fill. With each
window comes `done`: the events that no later window will hold, which is when the books may settle them. Scoring and
books are left to others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from logsentry.errors import UsageError
from logsentry.schema.event import Event
from logsentry.schema.profile import Windowing
from logsentry.schema.window import Window
from logsentry.stages.closed import Closed
from logsentry.stages.sessions import Sessions
from logsentry.stages.sliding import Counted, Timed


class Assembler(Protocol):
    """Takes events in the order they were read and gives windows back as they close."""

    def feed(self, event: Event) -> Iterator[Closed]: ...

    def quiet(self, until: int) -> Iterator[Closed]:
        """Close what no event after this time (nanoseconds since 1970) can belong to; everything before it has been fed."""
        ...

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


class Single:
    """Every event, or report, is a window of one."""

    def feed(self, event: Event) -> Iterator[Closed]:
        yield Closed(Window(event.source, (event,)), (event,))

    def quiet(self, until: int) -> Iterator[Closed]:
        return iter(())

    def flush(self) -> Iterator[Closed]:
        return iter(())
