"""The source `http-access`: access lines of web servers, proxies and load balancers.

    source = HttpAccess(HttpAccess.Config(formats=['%h %l %u %t "%r" %>s %b %D']))
    [event] = source.decode(record)

The common and combined formats and their relatives take the short way: a line is cut into parts by `line.py`; `caller.py`, `clock.py`,
`request.py` and `trailing.py` each read one part; this module puts the parts together as ECS. Every other format has a module of its
own that answers a `Visit`, or None where the line is not of it; they are asked in the order of `HttpAccess._other`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from logsentry.sdk import BadRecord, Event, Filtered, Framing, Profile, Record, UsageError, Value, event_id, readable
from logsentry_http_access.bracketed import bracketed_line
from logsentry_http_access.caller import caller
from logsentry_http_access.clock import nanoseconds
from logsentry_http_access.custom import reader
from logsentry_http_access.elb import elb_line
from logsentry_http_access.haproxy import haproxy_line
from logsentry_http_access.iis import Iis, native_line
from logsentry_http_access.json_lines import json_line, unwrapped
from logsentry_http_access.line import Parts, combined, loose
from logsentry_http_access.outcome import outcome
from logsentry_http_access.profile import PROFILE
from logsentry_http_access.request import request_fields
from logsentry_http_access.syslog import cut_cri
from logsentry_http_access.trailing import trailing_fields
from logsentry_http_access.visit import Visit


class HttpAccessConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may set.

    `max_line_bytes`: a longer line is dead-lettered unread.
    `formats`: Apache or nginx format strings, tried before the built-in formats in this order, for instance
    `%v %a %u %t "%r" %>s %O %D` or `[$time_local] $host $remote_addr "$request" $status`; see `custom.py`.
    `iis_fields`: the columns of W3C lines whose `#Fields` line is not in the file, as that line would name them.
    `time_zone`: the zone of times that a line gives without one (HAProxy, the older IIS format), for instance `Europe/Vienna`.
    """

    max_line_bytes: int = 1 << 20
    formats: tuple[str, ...] = ()
    iis_fields: str = ""
    time_zone: str = "UTC"

    def check(self) -> None:
        """Raises `UsageError` for a format that cannot be read, and a time zone that there is not."""
        zone = _zone(self.time_zone)
        for format_ in self.formats:
            reader(format_, zone)


class HttpAccess:
    """Decodes one line into one event. Values that are only `-` are absent."""

    name: ClassVar[str] = "http-access"
    framing: ClassVar[Framing] = "lines"
    profile: ClassVar[Profile] = PROFILE
    own_prefixes: ClassVar[tuple[str, ...]] = (
        "http_access.", "apache_tomcat.access.", "aws.elb.", "envoy.access.", "haproxy.", "iis.access.", "nginx_ingress_controller.access.",
        "traefik.access.",
    )  # fmt: skip
    Config: ClassVar[type[msgspec.Struct]] = HttpAccessConfig

    def __init__(self, config: HttpAccessConfig) -> None:
        self._max_line_bytes = config.max_line_bytes
        self._zone = _zone(config.time_zone)
        self._custom = tuple(reader(format_, self._zone) for format_ in config.formats)
        self._iis = Iis(config.iis_fields)

    def framing_of(self, head: bytes) -> Framing:
        """Always lines; the head is looked at for the directives of an IIS log, which a resumed pass does not see again."""
        self._iis.begins(head)
        return "lines"

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        """One event, or `Filtered` for blank and comment lines; raises `BadRecord` for what is no access-log line."""
        data = record.data
        if len(data) > self._max_line_bytes:
            raise BadRecord(f"the line has {len(data):,} bytes, more than the {self._max_line_bytes:,} that are read")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = readable(data)
        if not self._custom and (match := combined(text)) is not None:
            return (_event(record, match.groups()),)
        read = self._other(record, text)
        if isinstance(read, Filtered):
            return read
        if isinstance(read, Visit):
            return (Event(event_id(record), read.time, "http-access", read.fields, read.message, data),)
        return (_event(record, read),)

    def _other(self, record: Record, line: str) -> Parts | Visit | Filtered:
        """Asks each format in turn; `loose`, the last, takes whatever has a time and a request, and refuses the rest."""
        text = unwrapped(cut_cri(line.strip().lstrip("\ufeff")))
        for read in self._custom:
            if (visit := read(text)) is not None:
                return visit
        if (self._custom or text is not line) and (match := combined(text)) is not None:
            return match.groups()
        if not text:
            return Filtered("blank line")
        if text.startswith("#"):
            return self._iis.directive(record, text)
        return (
            json_line(text)
            or self._iis.line(record, text)
            or elb_line(text)
            or haproxy_line(text, self._zone)
            or bracketed_line(text)
            or native_line(text, self._zone)
            or loose(text)
        )


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)  # UTC needs no table of time zones on the machine
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"time_zone: {name!r} is no time zone; write one such as UTC or Europe/Vienna") from None


def _event(record: Record, parts: Parts) -> Event:
    """The event of a line in one of the common formats."""
    before, stamp, *answer = parts
    fields, message = _fields(before or "", *answer)
    return Event(event_id(record), nanoseconds(stamp or ""), "http-access", fields, message, record.data)


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
        fields["event.outcome"] = outcome(code)
    if size and size != "-":
        fields["http.response.body.bytes"] = int(size)
    if referrer and referrer != "-":
        fields["http.request.referrer"] = referrer
    if agent and agent != "-":
        fields["user_agent.original"] = agent
    if trailing:
        _add(fields, trailing_fields(trailing, size or ""))
    return fields, f"{who.fields['source.address']} asked {request or '-'} and got {status or '-'}"


def _add(fields: dict[str, Value], more: dict[str, Value]) -> None:
    """Adds what stood behind the agent; its addresses join those of the caller."""
    found, also = fields.get("related.ip", []), more.pop("related.ip", [])
    fields.update(more)
    if isinstance(found, list) and isinstance(also, list) and also:
        fields["related.ip"] = list(dict.fromkeys(str(ip) for ip in (*found, *also)))
