"""One JSON value as entries: which layout it has, and the envelopes around it.

Winlogbeat's documents, by far the most frequent, are read in one pass into typed structs; the rest is read as plain objects and told
apart by the names at its top.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from logsentry.sdk import BadRecord
from logsentry_sysmon import xml_event
from logsentry_sysmon.entry import Entry, text
from logsentry_sysmon.flat import flat_entry, table_entry, usual_entry, wazuh_entry, with_system
from logsentry_sysmon.rendered import any_entry
from logsentry_sysmon.winlogbeat import Winlog, entry, older_entry

_TEXTS = ("SyslogMessage", "Message", "message", "msg", "MESSAGE", "ParameterXml", "RawData", "log")
_ENVELOPES = ("_source", "data", "result", "event", "Records", "records", "events", "hits")
_MOST_DEPTH = 6


class _Log(msgspec.Struct, frozen=True, gc=False):
    level: Any = None


class _Host(msgspec.Struct, frozen=True, gc=False):
    name: Any = None


class _Document(msgspec.Struct, frozen=True, gc=False):
    winlog: Winlog
    timestamp: str = msgspec.field(default="", name="@timestamp")
    log: _Log = _Log()
    host: _Host = _Host()


_winlogbeat = msgspec.json.Decoder(_Document)


def entries(data: bytes) -> list[Entry]:
    """The events of one JSON value; raises `BadRecord` where it is no JSON, or no Windows event in a layout known here."""
    if b'"winlog"' in data:
        try:
            read = _winlogbeat.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # no document of Winlogbeat after all, or one with odd types: read with care below
        else:
            return [entry(read.winlog, read.timestamp, text(read.log.level), text(read.host.name))]
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"the record is no JSON: {error}") from None
    if isinstance(value, dict) and (alone := usual_entry(value)) is not None:
        return [alone]
    found = list(_entries(value, 0))
    if not found:
        raise BadRecord("the JSON holds no Windows event in a layout known here")
    return found


def _entries(value: object, depth: int) -> Iterator[Entry]:
    if depth > _MOST_DEPTH:
        raise BadRecord(f"the JSON wraps its events more than {_MOST_DEPTH} deep")
    if isinstance(value, list):
        for part in value:
            yield from _entries(part, depth + 1)
    elif isinstance(value, dict):
        alone = _entry(value)
        if alone is not None:
            yield alone
        else:
            yield from _wrapped(value, depth)


def _entry(document: dict[str, Any]) -> Entry | None:
    """The entry of an object that is itself an event, else None."""
    if isinstance(winlog := document.get("winlog"), dict):
        try:
            told = msgspec.convert(winlog, Winlog, strict=False)
        except msgspec.ValidationError as error:
            raise BadRecord(f"the object winlog is not as Winlogbeat writes it: {error}") from None
        return entry(told, text(document.get("@timestamp")), "", "")
    if isinstance(event := document.get("Event"), dict):
        return any_entry(event)
    if isinstance(win := document.get("win"), dict):
        return wazuh_entry(win)
    if isinstance(document.get("event_data"), dict) and "event_id" in document:
        return older_entry(document)
    if isinstance(document.get("System"), dict) and ("EventData" in document or "UserData" in document):
        return any_entry(document)
    return _row_or_flat(document) if "EventID" in document or "EventId" in document else None


def _row_or_flat(document: dict[str, Any]) -> Entry:
    held = document.get("EventData")
    if isinstance(held, str) and held.lstrip()[:1] == "{":
        try:
            held = orjson.loads(held)
        except orjson.JSONDecodeError as error:
            raise BadRecord(f"the text EventData is no JSON: {error}") from None
    if isinstance(held, dict):
        return table_entry(document, held)
    if isinstance(held, str) and held.lstrip()[:1] == "<":
        return table_entry(document, xml_event.data_of(held))
    return flat_entry(document)


def _wrapped(document: dict[str, Any], depth: int) -> Iterator[Entry]:
    """Events inside an envelope: XML in the text of a syslog message, or an object below one of the usual names."""
    for name in _TEXTS:
        if isinstance(held := document.get(name), str) and "<Event" in held:
            host = text(document.get("HostName") or document.get("Computer") or document.get("host"))
            for found in xml_event.entries_within(held):
                yield with_system(found, computer=host)
            return
    for name in _ENVELOPES:
        if isinstance(held := document.get(name), dict | list):
            yield from _entries(held, depth + 1)
            return
