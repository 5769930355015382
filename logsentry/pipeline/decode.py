"""Records through a source: each becomes events, a reason why it was left out, or a reason why it could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from logsentry.errors import BadRecord
from logsentry.schema.event import Event, Filtered
from logsentry.schema.record import Cursor, Record
from logsentry.sdk import Input, Joined, Joiner, Joining, Measured, Source

Wanted = Callable[[Record], bool]


class Decoded(msgspec.Struct, frozen=True):
    """What one record came to, or several that make one event: `events`, `filtered` or `bad`.

    Only a record that is damaged in part has two: the reason in `bad`, and the events that could be read all the same.
    """

    records: tuple[Record, ...]
    events: tuple[Event, ...] = ()
    filtered: str = ""
    bad: str = ""


def decode(source: Source, record: Record) -> Decoded:
    """Never raises: what a source raises on one record becomes that record's reason and nobody else's trouble."""
    try:
        found = source.decode(record)
    except BadRecord as error:
        return Decoded((record,), error.events, bad=str(error))
    except Exception as error:  # noqa: BLE001 - the boundary around a plugin's work on one record
        return Decoded((record,), bad=_defect(source, error))
    if isinstance(found, Filtered):
        return Decoded((record,), filtered=found.reason)
    return Decoded((record,), tuple(found)) if found else Decoded((record,), filtered="the record holds no event")


def position(input_: Input) -> tuple[int, int]:
    """(bytes read, bytes in all), both 0 where the input does not know."""
    return input_.position() if isinstance(input_, Measured) else (0, 0)


def every(record: Record) -> bool:
    """All records are wanted."""
    return True


def read(input_: Input, source: Source, after: Cursor | None = None, wanted: Wanted = every) -> Iterator[Decoded | None]:
    """Every record of an input, decoded; None where the input has nothing just now.

    `wanted` is asked about each record when it is read, which for a source that joins records is before it is known what it is part of;
    a record that is not wanted is passed over.
    """
    return through(input_.read(after), source, wanted)


def through(records: Iterable[Record | None], source: Source, wanted: Wanted = every) -> Iterator[Decoded | None]:
    """The same for records that are being read already."""
    joiner = source.joiner() if isinstance(source, Joining) else None
    for record in records:
        if record is None:
            yield None
            continue
        if not wanted(record):
            continue
        if joiner is None:
            yield decode(source, record)
        else:
            yield from _joined(source, joiner, record)
    if joiner is not None:
        yield from map(of_joined, joiner.flush())


def _joined(source: Source, joiner: Joiner, record: Record) -> Iterator[Decoded]:
    try:
        done = list(joiner.feed(record))
    except Exception as error:  # noqa: BLE001 - the boundary: a joiner that fails on a record does not know it, so it ends here
        yield Decoded((record,), bad=_defect(source, error))
        return
    yield from map(of_joined, done)


def of_joined(joined: Joined) -> Decoded:
    """What a joiner answered, as what a source would have."""
    if not (joined.events or joined.filtered or joined.bad):
        return Decoded(joined.records, filtered="the records hold no event")
    return Decoded(joined.records, joined.events, joined.filtered, joined.bad)


def _defect(source: Source, error: Exception) -> str:
    return f"the source {source.name} failed with {type(error).__name__}: {error}; report this to its author"
