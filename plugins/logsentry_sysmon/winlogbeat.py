"""Winlogbeat's JSON: version 7 and later has everything below `winlog`, version 6 at the top level."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from logsentry_sysmon.entry import Entry, System, number, text

Scalar = str | int | float | bool | None


class _Thread(msgspec.Struct, frozen=True, gc=False):
    id: Scalar = None


class _Process(msgspec.Struct, frozen=True, gc=False):
    pid: Scalar = None
    thread: _Thread = _Thread()


class _User(msgspec.Struct, frozen=True, gc=False):
    identifier: Scalar = None
    name: Scalar = None
    domain: Scalar = None
    type: Scalar = None


class Winlog(msgspec.Struct, frozen=True, gc=False):
    """The object `winlog` of Winlogbeat 7 and 8, and of the Elastic Agent."""

    event_id: Scalar = None
    provider_name: Scalar = None
    channel: Scalar = None
    computer_name: Scalar = None
    provider_guid: Scalar = None
    record_id: Scalar = None
    version: Scalar = None
    opcode: Scalar = None
    task: Scalar = None
    level: Scalar = None
    time_created: Scalar = None
    process: _Process = _Process()
    user: _User = _User()
    event_data: dict[str, Any] = {}


def entry(winlog: Winlog, timestamp: str, level: str, host: str) -> Entry:
    """The entry of a document; `timestamp` is its `@timestamp`, which is when the event was created unless `winlog` says it."""
    system = _system(
        winlog.event_id, winlog.provider_name, winlog.channel, winlog.computer_name or host, winlog.provider_guid, winlog.version,
        winlog.level or level, winlog.opcode, winlog.task, winlog.process, winlog.user,
    )  # fmt: skip
    return Entry(system, text(winlog.record_id), text(winlog.time_created or timestamp), winlog.event_data)


@lru_cache(maxsize=4096)
def _system(
    code: Scalar, provider: Scalar, channel: Scalar, computer: Scalar, guid: Scalar, version: Scalar, level: Scalar,
    opcode: Scalar, task: Scalar, process: _Process, user: _User,
) -> System:  # fmt: skip
    whole = number(code)
    return System(
        -1 if whole is None else whole, text(provider), text(channel), text(computer), text(guid), number(version), text(level),
        text(opcode), text(task), text(user.identifier), text(user.name), text(user.domain), text(user.type),
        number(process.pid), number(process.thread.id),
    )  # fmt: skip


def older_entry(document: dict[str, Any]) -> Entry:
    """The entry of a document of Winlogbeat 5 or 6."""
    held = document.get("user")
    user: dict[str, Any] = held if isinstance(held, dict) else {}
    data = document.get("event_data")
    code = number(document.get("event_id"))
    system = System(
        -1 if code is None else code, text(document.get("source_name") or document.get("provider_name")),
        text(document.get("log_name")), text(document.get("computer_name")), text(document.get("provider_guid")),
        number(document.get("version")), text(document.get("level")), text(document.get("opcode")), text(document.get("task")),
        text(user.get("identifier")), text(user.get("name")), text(user.get("domain")), text(user.get("type")),
        number(document.get("process_id")), number(document.get("thread_id")),
    )  # fmt: skip
    return Entry(
        system, text(document.get("record_number")), text(document.get("@timestamp")), data if isinstance(data, dict) else {}
    )
