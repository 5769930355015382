"""DNS queries as BIND's `dnstap-read` prints them, one a line::

08-Feb-2017 18:16:58.404 CQ 192.0.2.7:62142 -> 192.0.2.1:53 UDP 53b example.com/IN/A
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import msgspec

from logsentry.sdk import BadRecord, Event, Field, Filtered, Framing, Profile, Record, SessionRule, Windowing, event_id, readable

_LINE = re.compile(
    rb"(?P<time>\d\d-\w{3}-\d{4} \d\d:\d\d:\d\d\.\d{3}) (?P<kind>[A-Z]{2}) (?P<source>\S+):(?P<port>\d{1,5}) -> \S+ "
    rb"(?P<transport>UDP|TCP) \d+b (?P<name>\S+)/(?P<class>\w+)/(?P<type>\w+)"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Config(msgspec.Struct, frozen=True):
    """`responses`: read responses too, not queries alone."""

    responses: bool = False


class DnsTap:
    """DNS queries of one client belong together."""

    name: ClassVar[str] = "dns-tap"
    framing: ClassVar[Framing] = "lines"
    own_prefixes: ClassVar[tuple[str, ...]] = ()
    profile: ClassVar[Profile] = Profile(
        fields=(Field("dns.question.type"), Field("network.transport")),
        windows=Windowing(session=SessionRule(key=("source.ip",))),
    )
    Config: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, config: Config) -> None:
        self._responses = config.responses

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        if not record.data.strip():
            return Filtered("blank line")
        match = _LINE.fullmatch(record.data.rstrip(b"\r\n"))
        if match is None:
            raise BadRecord("this is no line of dnstap-read")
        said = {name: readable(value) for name, value in match.groupdict().items()}
        if said["kind"].endswith("R") and not self._responses:
            return Filtered("a response")
        fields: dict[str, str | int | float | bool | list[str] | list[int]] = {
            "source.ip": said["source"],
            "source.port": int(said["port"]),
            "network.transport": said["transport"].lower(),
            "dns.question.name": said["name"],
            "dns.question.class": said["class"],
            "dns.question.type": said["type"],
        }
        message = f"{said['source']} asks for {said['name']} {said['type']}"
        return [Event(event_id(record), _nanoseconds(said["time"]), self.name, fields, message, record.data)]


def _nanoseconds(text: str) -> int:
    try:
        when = datetime.strptime(text, "%d-%b-%Y %H:%M:%S.%f").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadRecord(f"this is no time: {text}") from error
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000
