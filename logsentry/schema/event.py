"""One thing that happened, in Elastic Common Schema names."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from zlib import crc32

import msgspec

from logsentry.schema.ecs import nest
from logsentry.schema.record import Record

Value = str | int | float | bool | list[str] | list[int]


class Event(msgspec.Struct, frozen=True, gc=False):
    """`time` is nanoseconds since 1970 in UTC, or None where the format carries none; `fields` are flat ECS names."""

    id: str
    time: int | None
    source: str
    fields: dict[str, Value]
    message: str
    original: bytes

    def document(self) -> dict[str, Any]:
        """The event as an ECS document with nested names, ready for JSON."""
        fields: dict[str, Any] = {"event.id": self.id, **self.fields}
        if self.time is not None:
            fields["@timestamp"] = timestamp(self.time)
        fields["event.original"] = readable(self.original)
        fields["message"] = self.message
        return nest(fields)


class Filtered(msgspec.Struct, frozen=True):
    """A record that was read, understood and left out on purpose: a comment, a blank line, another channel."""

    reason: str


def event_id(record: Record, part: int = 0) -> str:
    """32 hex digits from the record's origin, place and content; `part` counts the events of one record.

    A replay of the same record gives the same id, so a store that is keyed by it overwrites instead of doubling. The place alone tells
    records of one origin apart, and it is hashed so that nobody can choose it; the checksum of the content is for a file
    that was written anew with the same first line. Hashing all bytes cost a third of an event's time.
    """
    place = f"{record.origin}\0{record.offset}\0{part}\0{len(record.data)}\0{crc32(record.data)}"
    return blake2b(place.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC with milliseconds, and with nine digits only where the event is finer than that."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    try:
        day = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]  # strftime pads no years below 1000
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"a time of {seconds} seconds since 1970 is outside the years 1 to 9999") from None
    return f"{day}.{rest // 1_000_000:03d}Z" if rest % 1_000_000 == 0 else f"{day}.{rest:09d}Z"


def readable(data: bytes) -> str:
    r"""Text for a document: bytes that are not UTF-8 become `\xHH`, so nothing is lost and JSON stays valid."""
    return data.decode("utf-8", "backslashreplace")
