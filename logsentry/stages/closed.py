"""A finished window as an assembler gives it back, and the entity that it is about."""

from __future__ import annotations

import msgspec

from logsentry.schema.event import Event
from logsentry.schema.window import Window


class Closed(msgspec.Struct, frozen=True):
    """A finished window, and those events that no later window will hold.

    At the end of the input the window may be empty, where all that is left has been in a window already.
    """

    window: Window
    done: tuple[Event, ...]


def entity(event: Event, key: tuple[str, ...]) -> str:
    """What a window is about: the values of the key fields, `-` for one that the event lacks."""
    return " ".join(str(event.fields.get(name, "-")) for name in key) if key else "all"
