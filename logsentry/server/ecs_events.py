"""Events that somebody else has decoded already: ECS documents, one JSON object a line, in place of a source's raw records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
import orjson

from logsentry.errors import BadRecord
from logsentry.schema.event import Event, Value, event_id, timestamp
from logsentry.schema.record import Record
from logsentry.sdk import Filtered, Framing, Profile, Windowing

DEEPEST = 32
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EcsEvents:
    """Reads for another source what it would have decoded itself, with its profile and its name."""

    name: ClassVar[str] = "ecs-events"
    framing: ClassVar[Framing] = "lines"
    own_prefixes: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    profile: ClassVar[Profile] = Profile((), Windowing())

    def __init__(self, stands_for: Any) -> None:
        self.name = stands_for.name  # type: ignore[misc]
        self.profile = stands_for.profile  # type: ignore[misc]

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        if not record.data.strip():
            return Filtered("the line is blank")
        try:
            document = orjson.loads(record.data)
        except orjson.JSONDecodeError as error:
            raise BadRecord(f"the line is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise BadRecord("the line is no ECS document, which is a JSON object")
        fields = dict(flat(document))
        time = fields.pop("@timestamp", None)
        message, original = str(fields.pop("message", "")), str(fields.pop("event.original", ""))
        own = fields.pop("event.id", None)
        return [
            Event(
                id=own if isinstance(own, str) and own else event_id(record),
                time=None if time is None else nanoseconds(time),
                source=self.name,
                fields=fields,
                message=message or original,
                original=original.encode("utf-8", "surrogateescape") or record.data,
            )
        ]


def flat(document: Mapping[str, Any], prefix: str = "", depth: int = 0) -> list[tuple[str, Value]]:
    """Dotted names and their values; what is nested or dotted already comes to the same. Raises `BadRecord` where it is nested too deep."""
    if depth > DEEPEST:
        raise BadRecord(f"the document is nested deeper than {DEEPEST} levels")
    found: list[tuple[str, Value]] = []
    for key, value in document.items():
        name = prefix + key
        if isinstance(value, dict):
            found += flat(value, name + ".", depth + 1)
        elif isinstance(value, str | int | float):
            found.append((name, value))
        elif isinstance(value, list) and value:
            found.append((name, value if all(isinstance(each, int) for each in value) else [str(each) for each in value]))
    return found


def nanoseconds(time: Value) -> int:
    """Of an ISO 8601 text, which is UTC where it says nothing else, or of milliseconds since 1970, as Elasticsearch reads them.

    Raises `BadRecord` for anything else, and outside the years 1 to 9999.
    """
    try:
        if isinstance(time, int | float) and not isinstance(time, bool):
            found = int(time * 1_000_000)
        else:
            read = datetime.fromisoformat(str(time))
            found = ((read if read.tzinfo else read.replace(tzinfo=UTC)) - EPOCH) // timedelta(microseconds=1) * 1000
        timestamp(found)
    except (ValueError, OverflowError) as error:
        raise BadRecord("@timestamp is neither ISO 8601 nor milliseconds since 1970, in the years 1 to 9999") from error
    return found
