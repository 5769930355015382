"""The unit that is scored."""

from __future__ import annotations

import msgspec

from logsentry.schema.event import Event


class Window(msgspec.Struct, frozen=True):
    """Events that are judged together, in the order in which they were read.

    `key` is the entity the window is about (an address, a host, a session id). A single event or report is a window of one.
    """

    key: str
    events: tuple[Event, ...]

    @property
    def time(self) -> int | None:
        """When the window began: the time of its first event, in nanoseconds."""
        return self.events[0].time
