"""The source `sysmon`: events of Microsoft's System Monitor, on Windows and on Linux.

    source = Sysmon(Sysmon.Config())
    events = source.decode(record)

A record is a chunk of an EVTX file, one Event XML, one JSON value, or a line of syslog with XML in it. `evtx_chunk.py`,
`xml_event.py` and `json_record.py` make entries of it, `fields.py` makes ECS of those; this module chooses, and leaves out what other
providers wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec
import orjson

from logsentry.sdk import BadRecord, Event, Filtered, Framing, Profile, Record, event_id
from logsentry_sysmon import json_record, xml_event
from logsentry_sysmon.clock import is_stamp, nanoseconds
from logsentry_sysmon.entry import Entry, is_sysmon
from logsentry_sysmon.evtx_chunk import ChunkReader
from logsentry_sysmon.fields import event_fields
from logsentry_sysmon.kinds import KINDS, UNKNOWN, one_line
from logsentry_sysmon.profile import PROFILE
from logsentry_sysmon.rendered import any_entry, usual_entry

_EVTX, _CHUNK = b"ElfFile\0", b"ElfChnk\0"
_HEADER = 4096
_BLANK = b" \t\r\n\xef\xbb\xbf"


class SysmonConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`max_record_bytes`: a longer record is dead-lettered unread. `chunk_seconds` and `reader_mebibytes`: what the process that
    reads EVTX chunks may take, for one chunk and in all."""

    max_record_bytes: int = 1 << 22
    chunk_seconds: float = 20.0
    reader_mebibytes: int = 1024


class Sysmon:
    """Decodes a record into the Sysmon events in it; values that are empty or only `-` are absent."""

    name: ClassVar[str] = "sysmon"
    framing: ClassVar[Framing] = "lines"
    profile: ClassVar[Profile] = PROFILE
    own_prefixes: ClassVar[tuple[str, ...]] = ("winlog.", "sysmon.")
    Config: ClassVar[type[msgspec.Struct]] = SysmonConfig

    def __init__(self, config: SysmonConfig) -> None:
        self._max_record_bytes = config.max_record_bytes
        self._chunks = ChunkReader(config.chunk_seconds, config.reader_mebibytes << 20)

    def framing_of(self, head: bytes) -> Framing:
        """By the first bytes of a file: EVTX by its magic, XML, JSON that is spread over lines, or else lines."""
        if head.startswith(_EVTX):
            return "evtx"
        bare = head.lstrip(_BLANK)
        if bare[:2] in (b"<?", b"<!") or bare[:6] == b"<Event" or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return "xml"
        if bare[:1] == b"[":
            return "json"
        return "lines" if bare[:1] != b"{" or _is_json(bare.partition(b"\n")[0]) else "json"

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        """The Sysmon events of the record, or `Filtered` where it is blank or holds other providers' events alone."""
        data = record.data
        if len(data) > self._max_record_bytes:
            raise BadRecord(f"the record has {len(data):,} bytes, more than the {self._max_record_bytes:,} that are read")
        if data[:8] == _EVTX:
            return self._chunk(record)
        entries = json_record.entries(data) if data[:1] == b"{" else _entries(data)
        return _events([(record, entry) for entry in entries]) if entries else Filtered("blank record")

    def _chunk(self, record: Record) -> Sequence[Event] | Filtered:
        """The events of one chunk. Each is numbered by its own JSON, so that a chunk that has grown keeps the ids of its events."""
        chunk = record.data[_HEADER:]
        if not chunk.startswith(_CHUNK):
            return _no_chunk(chunk)
        texts, reasons = self._chunks.read(record.data)
        if not texts:
            return _nothing(reasons)
        reasons, pairs = list(reasons), []
        for data in texts:
            entry = usual_entry(data)
            entry = _other_entry(data) if entry is None else entry
            if entry is None:
                reasons.append("a record of the chunk is no event")
            else:
                pairs.append((Record(data, record.input, record.origin, record.offset, record.cursor), entry))
        events = _events(pairs)
        if reasons:
            raise BadRecord(
                f"{len(reasons)} records of the chunk cannot be read: {reasons[0]}",
                () if isinstance(events, Filtered) else events,
            )
        return events


def _no_chunk(data: bytes) -> Filtered:
    """Event logs are made longer before they are written to, so zeros are no damage."""
    if data.strip(b"\0"):
        raise BadRecord("the chunk does not begin with ElfChnk, so none of its records can be found")
    return Filtered("a chunk that is not used yet")


def _nothing(reasons: Sequence[str]) -> Filtered:
    if reasons:
        raise BadRecord(f"none of the chunk's records can be read: {reasons[0]}")
    return Filtered("a chunk without records")


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _other_entry(data: bytes) -> Entry | None:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    event = value.get("Event") if isinstance(value, dict) else None
    return any_entry(event) if isinstance(event, dict) else None


def _entries(data: bytes) -> list[Entry]:
    """The events of a record by its first bytes; none where it is blank."""
    bare = data.lstrip(_BLANK)
    if not bare:
        return []
    if bare[:1] in (b"{", b"["):
        return json_record.entries(bare)
    if bare[:2] in (b"<?", b"<!") or bare[:6] == b"<Event" or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return xml_event.entries(data)
    if b"<Event" in data:
        return xml_event.entries_within(data.decode("utf-8", "replace"))
    raise BadRecord("the record is neither JSON nor Event XML")


def _events(pairs: Iterable[tuple[Record, Entry]]) -> Sequence[Event] | Filtered:
    """The events of those entries that are Sysmon's."""
    found: list[Event] = []
    others: set[str] = set()
    nameless = False
    for part, (record, entry) in enumerate(pairs):
        system = entry.system
        if system.provider != "Microsoft-Windows-Sysmon" and not is_sysmon(system.provider, system.channel):
            others.add(system.provider or system.channel or "no provider")
        elif system.code < 0:
            nameless = True
        else:
            found.append(_event(record, part, entry))
    if nameless and not found:
        raise BadRecord("the event of Sysmon has no event id")
    if not found:
        return Filtered(f"not of Sysmon: {', '.join(sorted(others)[:4]) or 'no event'}")
    return tuple(found)


def _event(record: Record, part: int, entry: Entry) -> Event:
    data, created = entry.data, entry.created
    fields = event_fields(entry.system, data)
    if entry.record_id:
        fields["winlog.record_id"] = entry.record_id
    stamp = data.get("UtcTime")
    time = nanoseconds(stamp) if stamp.__class__ is str else None
    if is_stamp(created):
        fields["event.created"] = created
        time = nanoseconds(created) if time is None else time
    kind = KINDS.get(entry.system.code, UNKNOWN)
    return Event(event_id(record, part), time, "sysmon", fields, one_line(kind, fields), record.data)
