"""Documents that auditbeat (or an agent with the auditd_manager integration) made already: their fields as they are.

Only what ECS knows and auditbeat fills is taken over under its own name, with the type that ECS gives it; the rest is kept as
text below `auditd.other.`, so that a foreign document can never break the types of a store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from logsentry.sdk import BadRecord, Value
from logsentry_auditd.header import header

_WHO = ("id", "name", "group.id", "group.name")
_TEXT = frozenset(
    (
        "event.kind", "event.action", "event.outcome", "event.module", "event.dataset", "event.code", "event.provider",
        "process.executable", "process.name", "process.title", "process.working_directory", "process.entity_id",
        "process.command_line", "process.hash.sha1", "process.hash.sha256", "process.hash.md5", "process.parent.name",
        "process.parent.executable", "file.path", "file.device", "file.inode", "file.mode", "file.owner", "file.uid", "file.gid",
        "file.group", "file.type", "file.name", "network.direction", "network.type", "network.transport", "network.protocol",
        "source.ip", "source.address", "source.domain", "destination.ip", "destination.address", "destination.domain",
        "group.id", "group.name", "host.name", "host.hostname", "host.architecture", "host.id", "service.type", "service.name",
        "agent.name", "agent.type", "agent.version", "agent.id", "user.domain", "user.terminal", "package.name",
        "package.version", "user.audit.id", "user.audit.name",
        *(f"user.{who}" for who in _WHO),
        *(f"user.{role}.{who}" for role in ("effective", "target", "changes", "saved", "filesystem") for who in _WHO),
        *(f"{owner}.selinux.{part}" for owner in ("user", "file") for part in ("user", "role", "domain", "level", "category")),
    )
)  # fmt: skip
_TEXTS = frozenset(("event.category", "event.type", "process.args", "related.user", "related.ip", "related.hash", "tags"))
_NUMBERS = frozenset(("process.pid", "process.parent.pid", "process.args_count", "source.port", "destination.port"))
_RENAMED = {"process.ppid": "process.parent.pid", "process.exe": "process.executable"}
_DROPPED = re.compile(r"@timestamp|@metadata\.|event\.(id|original|created|ingested|start|end)|message$|ecs\.|auditd\.sequence")
_NAME = re.compile(r"[A-Za-z_][\w-]{0,39}(?:\.[A-Za-z_][\w-]{0,39}){0,7}")
_DEPTH = 8
_ORIGINAL = re.compile(r"audit\([0-9.]{1,24}:[0-9]{1,10}\):")


class Passed(msgspec.Struct, frozen=True):
    """One document: `time` in nanoseconds since 1970, or None where it carries none."""

    time: int | None
    fields: dict[str, Value]
    message: str


def passed(document: Mapping[str, Any]) -> Passed:
    """The fields of one document; raises `BadRecord` where nothing in it is known."""
    fields: dict[str, Value] = {}
    flat = dict(_flat(document, "", _DEPTH))
    for name, value in flat.items():
        _put(fields, _RENAMED.get(name, name), value)
    if "event.action" not in fields and not any(
        name.startswith("auditd.") and not name.startswith("auditd.other.") for name in fields
    ):
        raise BadRecord("this JSON document has neither event.action nor auditd fields")
    if (serial := _number(flat.get("auditd.sequence"))) is not None:
        fields["auditd.sequence"] = serial
    fields.setdefault("event.kind", "event")
    fields.setdefault("auditd.entity", _entity(fields))
    message = flat.get("message")
    return Passed(_time(flat), fields, message if isinstance(message, str) and message.strip() else _message(fields))


def _flat(value: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Leaves by dotted name; a list of objects becomes a list for each of their names."""
    for name, inner in value.items():
        place = f"{prefix}{name}"
        if isinstance(inner, dict) and depth:
            yield from _flat(inner, f"{place}.", depth - 1)
        elif isinstance(inner, list) and any(isinstance(one, dict) for one in inner):
            objects = [one for one in inner if isinstance(one, dict)]
            for column in dict.fromkeys(key for one in objects for key in one):
                yield f"{place}.{column}", [one.get(column, "") for one in objects]
        else:
            yield place, inner


def _put(fields: dict[str, Value], name: str, value: object) -> None:
    if value is None or value in ("", [], {}) or _DROPPED.match(name) or _NAME.fullmatch(name) is None:
        return
    if name in _NUMBERS:
        if (number := _number(value)) is not None:
            fields[name] = number
    elif name in _TEXTS:
        fields[name] = [_text(one) for one in (value if isinstance(value, list) else [value])]
    else:
        known = name in _TEXT or (name.startswith("auditd.") and not name.startswith("auditd.other."))
        shown: Value = [_text(one) for one in value] if isinstance(value, list) and name not in _TEXT else _text(value)
        if shown not in ("", "-"):
            fields[name if known else f"auditd.other.{name}"] = shown


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and abs(value) < 1 << 63 else None


def _time(flat: Mapping[str, Any]) -> int | None:
    """`@timestamp`, or else the time in the lines that the document was made of."""
    stamp, original = flat.get("@timestamp"), flat.get("event.original")
    if isinstance(stamp, str):
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError:
            raise BadRecord(f"the @timestamp {stamp[:40]!r} is no RFC 3339 time") from None
        apart = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (apart.days * 86_400 + apart.seconds) * 1_000_000_000 + apart.microseconds * 1_000
    first = original[0] if isinstance(original, list) and original else original
    if isinstance(first, str) and (found := _ORIGINAL.search(first)) is not None:
        return header(found[0])[1][1]
    return None


def _entity(fields: Mapping[str, Value]) -> str:
    if isinstance(session := fields.get("auditd.session"), str) and session not in ("unset", "4294967295"):
        return f"session {session}"
    if "user.audit.id" in fields:
        return f"user {fields['user.audit.id']}"
    return f"program {fields.get('process.executable') or fields.get('process.name') or 'unknown'}"


def _message(fields: Mapping[str, Value]) -> str:
    who = fields.get("user.name") or fields.get("user.id") or "somebody"
    how = f" with {fields['process.executable']}" if "process.executable" in fields else ""
    return f"{who} {fields.get('event.action', 'did something')}{how}: {fields.get('event.outcome', 'unknown')}"
