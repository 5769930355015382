"""Records through a source: each becomes events, a reason why it was left out, or a reason why it could not be read."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from logsentry.errors import BadRecord
from logsentry.schema.event import Event, Filtered
from logsentry.schema.record import Cursor, Record
from logsentry.sdk import Input, Measured, Source


class Decoded(msgspec.Struct, frozen=True):
    """Exactly one of the three is told: `events`, `filtered` (why left out), `bad` (why not readable)."""

    record: Record
    events: tuple[Event, ...] = ()
    filtered: str = ""
    bad: str = ""


def decode(source: Source, record: Record) -> Decoded:
    """Never raises: what a source raises on one record becomes that record's reason and nobody else's trouble."""
    try:
        found = source.decode(record)
    except BadRecord as error:
        return Decoded(record, bad=str(error))
    except Exception as error:  # noqa: BLE001 - the boundary around a plugin's work on one record
        return Decoded(
            record, bad=f"the source {source.name} failed with {type(error).__name__}: {error}; report this to its author"
        )
    if isinstance(found, Filtered):
        return Decoded(record, filtered=found.reason)
    return Decoded(record, tuple(found)) if found else Decoded(record, filtered="the record holds no event")


def position(input_: Input) -> tuple[int, int]:
    """(bytes read, bytes in all), both 0 where the input does not know."""
    return input_.position() if isinstance(input_, Measured) else (0, 0)


def read(input_: Input, source: Source, after: Cursor | None = None) -> Iterator[Decoded | None]:
    """Every record of an input, decoded; None where the input has nothing just now."""
    for record in input_.read(after):
        yield None if record is None else decode(source, record)
