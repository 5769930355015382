"""The source `auditd`: the Linux audit log, as auditd writes it and as others pass it on.

    source = Auditd(Auditd.Config())
    joiner = source.joiner()
    for record in records:
        for joined in joiner.feed(record): ...

`header.py` and `values.py` read a line, `wrapped.py` reads JSON, `joiner.py` puts records together, `event.py` makes the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from logsentry.sdk import BadRecord, Event, Filtered, Framing, Joiner, Profile, Record, event_id, readable
from logsentry_auditd.auoms import entries, is_auoms
from logsentry_auditd.entry import Entry, Stamp
from logsentry_auditd.event import Maker
from logsentry_auditd.header import header
from logsentry_auditd.identity import Directory
from logsentry_auditd.joiner import EventJoiner
from logsentry_auditd.profile import PROFILE
from logsentry_auditd.values import entry, interpreted
from logsentry_auditd.wrapped import Whole, unwrapped


class AuditdConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`users`, `groups`: names by id, for logs that auditd did not enrich. `serials`, `seconds`, `records`: how far its host, or
    all hosts, must be ahead before an event without an end mark counts as complete. `max_line_bytes`: a longer line is
    dead-lettered unread."""

    users: dict[str, str] = {}
    groups: dict[str, str] = {}
    serials: int = 64
    seconds: float = 2.0
    records: int = 1024
    max_line_bytes: int = 1 << 20


class Auditd:
    """Makes one event of the records that share node, time and serial."""

    name: ClassVar[str] = "auditd"
    framing: ClassVar[Framing] = "lines"
    profile: ClassVar[Profile] = PROFILE
    # auditbeat's own places beside ECS: who was logged in, saved and file-system ids, labels, the terminal.
    own_prefixes: ClassVar[tuple[str, ...]] = (
        "auditd.", "user.audit.", "user.saved.", "user.filesystem.", "user.selinux.", "user.effective.group.", "user.terminal",
        "file.selinux.",
    )  # fmt: skip
    Config: ClassVar[type[msgspec.Struct]] = AuditdConfig

    def __init__(self, config: AuditdConfig) -> None:
        self._config = config
        self._document = Maker(Directory(config.users, config.groups)).document

    def framing_of(self, head: bytes) -> Framing:
        """JSON where the file begins with an object or an array, else lines."""
        return "json" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "lines"

    def joiner(self) -> Joiner:
        config = self._config
        return EventJoiner(self._read, self._finish, serials=config.serials, seconds=config.seconds, records=config.records)

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        """One event of this record alone, or `Filtered`; raises `BadRecord` for what is no audit record."""
        read = self._read(record)
        if read is None:
            return Filtered("separator between events")
        if isinstance(read, Filtered):
            return read
        if len(read) == 2 and isinstance(read[1], Entry):
            stamp, found = read
            if found.type == "EOE":
                return Filtered("end of an event")
            return (self._finish([record], stamp, [found]),)
        return read

    def _read(self, record: Record) -> tuple[Stamp, Entry] | tuple[Event, ...] | Filtered | None:
        data = record.data
        if len(data) > self._config.max_line_bytes:
            raise BadRecord(f"the line has {len(data):,} bytes, more than the {self._config.max_line_bytes:,} that are read")
        text = readable(data).rstrip("\r\n")
        if text.startswith("type=") and not text.startswith("type=AUOMS_"):  # nearly all lines
            return self._line(text)
        if not text.startswith(("type=", "node=")):
            if not text or text.isspace():
                return Filtered("blank line")
            if text.startswith("----"):
                return None
            if text.startswith(("#", "time->")):
                return Filtered("comment line")
            if text.lstrip("\ufeff \t")[:1] == "{":
                return self._whole(record, text)
        return self._gathered(record, text) if is_auoms(text) else self._line(text)

    def _line(self, text: str) -> tuple[Stamp, Entry]:
        kind, stamp, body, dated = header(text)
        return stamp, interpreted(kind, body) if dated else entry(kind, body)

    def _gathered(self, record: Record, text: str) -> tuple[Event, ...]:
        _, (node, time, serial), body, _ = header(text)
        found, named = entries(body)
        fields, message = self._document(found, serial, named or node)
        return (Event(event_id(record), time, "auditd", fields, message, record.data),)

    def _whole(self, record: Record, text: str) -> tuple[Stamp, Entry] | tuple[Event, ...]:
        found = unwrapped(text)
        if isinstance(found, str):
            return self._gathered(record, found) if is_auoms(found) else self._line(found)
        if isinstance(found, Whole):
            fields, message = self._document(found.entries, found.stamp[2], found.stamp[0])
            return (Event(event_id(record), found.stamp[1], "auditd", fields, message, record.data),)
        return (Event(event_id(record), found.time, "auditd", found.fields, found.message, record.data),)

    def _finish(self, records: list[Record], stamp: Stamp, entries: list[Entry]) -> Event:
        fields, message = self._document(entries, stamp[2], stamp[0])
        original = records[0].data if len(records) == 1 else b"\n".join(record.data for record in records)
        return Event(event_id(records[0]), stamp[1], "auditd", fields, message, original)
