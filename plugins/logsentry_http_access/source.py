"""The source `http-access`: lines of web servers in the common and combined log formats and their many relatives.

    source = HttpAccess(HttpAccess.Config())
    [event] = source.decode(record)

A line is cut into parts by `line.py`; `caller.py`, `clock.py`, `request.py` and `trailing.py` each read one part; this module
puts the parts together as ECS. Formats with another frame (IIS, load balancers, HAProxy, JSON) get a module of their own beside
`line.py` that answers the same `Parts`, and a place in `HttpAccess._parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from logsentry.sdk import BadRecord, Event, Filtered, Framing, Profile, Record, Value, event_id, readable
from logsentry_http_access.caller import caller
from logsentry_http_access.clock import nanoseconds
from logsentry_http_access.line import Parts, combined, loose
from logsentry_http_access.profile import PROFILE
from logsentry_http_access.request import request_fields
from logsentry_http_access.trailing import trailing_fields


class HttpAccessConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`max_line_bytes`: a longer line is dead-lettered unread."""

    max_line_bytes: int = 1 << 20


class HttpAccess:
    """Decodes one line into one event. Values that are only `-` are absent."""

    name: ClassVar[str] = "http-access"
    framing: ClassVar[Framing] = "lines"
    profile: ClassVar[Profile] = PROFILE
    own_prefixes: ClassVar[tuple[str, ...]] = ("http_access.",)
    Config: ClassVar[type[msgspec.Struct]] = HttpAccessConfig

    def __init__(self, config: HttpAccessConfig) -> None:
        self._max_line_bytes = config.max_line_bytes

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        """One event, or `Filtered` for blank and comment lines; raises `BadRecord` for what is no access-log line."""
        data = record.data
        if len(data) > self._max_line_bytes:
            raise BadRecord(f"the line has {len(data):,} bytes, more than the {self._max_line_bytes:,} that are read")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = readable(data)
        parts = self._parts(text)
        if isinstance(parts, Filtered):
            return parts
        before, stamp, *answer = parts
        fields, message = _fields(before or "", *answer)
        return (Event(event_id(record), nanoseconds(stamp or ""), "http-access", fields, message, data),)

    def _parts(self, text: str) -> Parts | Filtered:
        if (match := combined(text)) is not None:
            return match.groups()
        if not text or text.isspace():
            return Filtered("blank line")
        if text.startswith("#"):
            return Filtered("comment line")
        return loose(text)


def _fields(
    before: str,
    request: str | None = None,
    status: str | None = None,
    size: str | None = None,
    referrer: str | None = None,
    agent: str | None = None,
    trailing: str | None = None,
) -> tuple[dict[str, Value], str]:
    """ECS fields of one line, and its message."""
    who = caller(before)
    fields: dict[str, Value] = {
        "event.kind": "event",
        "event.category": ["web"],
        "event.type": ["access"],
        **who.fields,
        **request_fields(request or ""),
    }
    if who.ips:
        fields["related.ip"] = list(who.ips)
    if who.users:
        fields["related.user"] = list(who.users)
    if who.hops:
        fields["http_access.hops"] = list(who.hops)
    if status and status != "-":
        code = int(status)
        fields["http.response.status_code"] = code
        fields["event.outcome"] = _outcome(code)
    if size and size != "-":
        fields["http.response.body.bytes"] = int(size)
    if referrer and referrer != "-":
        fields["http.request.referrer"] = referrer
    if agent and agent != "-":
        fields["user_agent.original"] = agent
    if trailing:
        _add(fields, trailing_fields(trailing))
    return fields, f"{who.fields['source.address']} asked {request or '-'} and got {status or '-'}"


def _add(fields: dict[str, Value], more: dict[str, Value]) -> None:
    """Adds what stood behind the agent; its addresses join those of the caller."""
    found, also = fields.get("related.ip", []), more.pop("related.ip", [])
    fields.update(more)
    if isinstance(found, list) and isinstance(also, list) and also:
        fields["related.ip"] = list(dict.fromkeys(str(ip) for ip in (*found, *also)))


def _outcome(code: int) -> str:
    """`unknown` below 100: nginx writes 000 where a connection ended before any answer."""
    if code >= 400:
        return "failure"
    return "success" if code >= 100 else "unknown"
