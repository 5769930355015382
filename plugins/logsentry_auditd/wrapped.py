"""Audit events inside JSON: laurel's, go-audit's, auditbeat's, and a text line in a log collector's envelope.

laurel (github.com/threathunters-io/laurel) gives one object an event, a key a record type, lists where there can be several,
numbers as numbers, `%XX` for bytes that are not text. go-audit (github.com/slackhq/go-audit) gives the kernel's messages as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import orjson

from logsentry.sdk import BadRecord
from logsentry_auditd.beats import Passed, passed
from logsentry_auditd.entry import Entry, Stamp
from logsentry_auditd.header import header
from logsentry_auditd.tables import type_name
from logsentry_auditd.values import entry

# Where collectors put the line that they read: Beats, Fluent Bit, journald, Docker, Azure Monitor's Syslog table.
_ENVELOPES = ("message", "log", "MESSAGE", "SyslogMessage", "syslog_message", "msg", "raw", "_raw")
_PERCENT = re.compile(r"%([0-9A-F]{2})")
_ID = re.compile(r"([0-9]{1,12})\.([0-9]{1,9}):([0-9]{1,10})")
_TYPE = re.compile(r"[A-Z][A-Z0-9_]+(?:\[[0-9]+\])?")


class Whole(msgspec.Struct, frozen=True):
    """An event that came with all its records."""

    stamp: Stamp
    entries: list[Entry]


def unwrapped(text: str) -> str | Whole | Passed:
    """A text line, a whole event, or a document that auditbeat made; raises `BadRecord` for any other JSON."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"this begins like JSON and is none: {error}") from None
    if not isinstance(value, dict):
        raise BadRecord("this JSON is no object, so it holds no audit record")
    if isinstance(value.get("ID"), str):
        return _laurel(value)
    if isinstance(value.get("messages"), list) and "sequence" in value:
        return _go_audit(value)
    if "auditd" not in value and (line := _line(value)):
        return line
    if isinstance(value.get("event"), dict) or "auditd" in value or "event.action" in value:
        return passed(value)
    raise BadRecord("this JSON is neither laurel's, go-audit's nor auditbeat's, and holds no audit line")


def _line(value: Mapping[str, Any]) -> str:
    event = value.get("event")
    inner = event.get("original") if isinstance(event, dict) else value.get("event.original")
    for found in (*(value.get(name) for name in _ENVELOPES), inner):
        if isinstance(found, str) and "audit(" in found:
            return found
    return ""


def _laurel(value: Mapping[str, Any]) -> Whole:
    found = _ID.fullmatch(value["ID"])
    if found is None:
        raise BadRecord(f"the ID {value['ID'][:40]!r} is not in laurel's form seconds.milliseconds:serial")
    node = value.get("NODE")
    _, stamp, _, _ = header(f"audit({found[0]}): ")
    entries = [_of_laurel(type_name(kind), one) for kind, one in _records(value)]
    if not entries:
        raise BadRecord("this laurel event holds no record")
    return Whole((node if isinstance(node, str) else "", stamp[1], stamp[2]), entries)


def _records(value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind, inner in value.items():
        if _TYPE.fullmatch(kind) is None or kind in ("ID", "NODE"):
            continue
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, dict):
                yield kind, one


def _of_laurel(kind: str, logged: Mapping[str, Any]) -> Entry:
    fields: dict[str, str] = {}
    names: dict[str, str] = {}
    arguments: list[str] = []
    for name, value in logged.items():
        if name == "ARGV" and isinstance(value, list):
            arguments = [_text(one) for one in value]
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            (names if name.isupper() else fields)[name] = _text(value)
    if kind == "SYSCALL":  # the four registers of the call; they are no program's arguments
        fields.update({f"a{at}": one.removeprefix("0x") for at, one in enumerate(arguments[:4])})
        arguments = []
    if kind == "SOCKADDR" and "saddr" in fields:
        fields["saddr"] = _bytes(str(logged["saddr"])).hex()
    return Entry(kind, fields, names, arguments)


def _text(value: object) -> str:
    return _PERCENT.sub(lambda found: chr(int(found[1], 16)), str(value)) if isinstance(value, str) else str(value)


def _bytes(text: str) -> bytes:
    """`%02%00` -> two bytes; everything else stands for itself."""
    return b"".join(
        bytes((int(part[1:], 16),)) if _PERCENT.fullmatch(part) else part.encode() for part in re.split(r"(%[0-9A-F]{2})", text)
    )


def _go_audit(value: Mapping[str, Any]) -> Whole:
    """`{"sequence": 1, "timestamp": "1459376866.885", "messages": [{"type": 1300, "data": "…"}], "uid_map": {"0": "root"}}`"""
    try:
        _, stamp, _, _ = header(f"audit({value.get('timestamp')}:{int(value['sequence'])}): ")
    except (TypeError, ValueError):
        raise BadRecord("the sequence of this go-audit event is no number") from None
    entries = [
        entry(type_name(str(one.get("type"))), str(one.get("data", ""))) for one in value["messages"] if isinstance(one, dict)
    ]
    entries = [one for one in entries if one.type != "EOE"]
    if not entries:
        raise BadRecord("this go-audit event holds no message")
    users = value.get("uid_map")
    if not isinstance(users, dict):
        users = {}
    for one in entries:
        one.names.update(
            {name.upper(): str(users[number]) for name, number in one.fields.items() if name.endswith("uid") and number in users}
        )
    return Whole(stamp, entries)
