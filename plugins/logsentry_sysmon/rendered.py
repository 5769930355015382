"""The JSON that readers of EVTX make of an event: `{"Event": {"System": …, "EventData": …}}`, as `evtx_dump` does.

Attributes stand in `#attributes` or, where they were asked for apart, in a neighbour such as `Provider_attributes`. This is also how
`evtx_chunk.py` gets its events.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from logsentry_sysmon.entry import Entry, System, number, text

_LEVELS = {"0": "information", "1": "critical", "2": "error", "3": "warning", "4": "information", "5": "verbose"}
_NOTHING: dict[str, Any] = {}


class _Named(msgspec.Struct, frozen=True, gc=False):
    Name: str = ""
    Guid: str = ""


class _Provider(msgspec.Struct, frozen=True, gc=False):
    attributes: _Named = msgspec.field(default=_Named(), name="#attributes")


class _Ids(msgspec.Struct, frozen=True, gc=False):
    ProcessID: int | str | None = None
    ThreadID: int | str | None = None
    UserID: str = ""
    SystemTime: str = ""


class _Attributed(msgspec.Struct, frozen=True, gc=False):
    attributes: _Ids = msgspec.field(default=_Ids(), name="#attributes")


class _System(msgspec.Struct, frozen=True, gc=False):
    Provider: _Provider = _Provider()
    EventID: int | str | None = None
    Version: int | str | None = None
    Level: int | str | None = None
    Task: int | str | None = None
    Opcode: int | str | None = None
    TimeCreated: _Attributed = _Attributed()
    EventRecordID: int | str | None = None
    Execution: _Attributed | None = None
    Channel: str | None = None
    Computer: str | None = None
    Security: _Attributed | None = None


class _Event(msgspec.Struct, frozen=True, gc=False):
    System: _System
    EventData: dict[str, Any] | None = None


class _Document(msgspec.Struct, frozen=True, gc=False):
    Event: _Event


_usual = msgspec.json.Decoder(_Document)


def usual_entry(data: bytes | str) -> Entry | None:
    """The entry of JSON as the `evtx` package renders it, or None where it is laid out otherwise."""
    try:
        event = _usual.decode(data).Event
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    told, values = event.System, event.EventData or _NOTHING
    if "Data" in values or "#attributes" in values:
        return None
    system = _system(
        told.EventID, told.Provider, told.Channel, told.Computer, told.Version, told.Level, told.Opcode, told.Task,
        told.Execution, told.Security,
    )  # fmt: skip
    return Entry(system, text(told.EventRecordID), told.TimeCreated.attributes.SystemTime, values)


@lru_cache(maxsize=4096)
def _system(
    code: int | str | None, provider: _Provider, channel: str | None, computer: str | None, version: int | str | None,
    level: int | str | None, opcode: int | str | None, task: int | str | None, execution: _Attributed | None,
    security: _Attributed | None,
) -> System:  # fmt: skip
    ids = execution.attributes if execution else _Ids()
    return make_system(
        code, provider.attributes.Name, provider.attributes.Guid, channel, computer, version, level, opcode, task, ids.ProcessID,
        ids.ThreadID, security.attributes.UserID if security else "",
    )  # fmt: skip


def make_system(
    code: Any, provider: Any, provider_guid: Any, channel: Any, computer: Any, version: Any, level: Any, opcode: Any, task: Any,
    pid: Any, thread: Any, user_id: Any,
) -> System:  # fmt: skip
    """A `System` of the values that stand in the XML; a level and an opcode become their names."""
    bare = text(provider_guid)
    whole, opcode_text = number(text(code)), text(opcode)
    return System(
        code=-1 if whole is None else whole, provider=text(provider), channel=text(channel), computer=text(computer),
        provider_guid=bare if not bare or bare[0] == "{" else "{" + bare.lower() + "}", version=number(version),
        level=_LEVELS.get(text(level), text(level)), opcode="Info" if opcode_text == "0" else opcode_text, task=text(task),
        user_id=text(user_id), pid=number(pid), thread=number(thread),
    )  # fmt: skip


def any_entry(event: dict[str, Any]) -> Entry:
    """The entry of an object `Event` in any of the layouts that converters write."""
    told = _object(event.get("System"))
    execution, security = _attributes(told, "Execution"), _attributes(told, "Security")
    provider = _attributes(told, "Provider")
    system = make_system(
        told.get("EventID"), provider.get("Name"), provider.get("Guid"), told.get("Channel"), told.get("Computer"),
        told.get("Version"), told.get("Level"), told.get("Opcode"), told.get("Task"), execution.get("ProcessID"),
        execution.get("ThreadID"), security.get("UserID") or security.get("UserId"),
    )  # fmt: skip
    created = text(_attributes(told, "TimeCreated").get("SystemTime"))
    return Entry(
        system, text(told.get("EventRecordID")), created, _named(_object(event.get("EventData") or event.get("UserData")))
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _attributes(told: dict[str, Any], name: str) -> dict[str, Any]:
    """The attributes of one element; converters from XML put an `@` before their names."""
    held = _object(told.get(name))
    found = _object(held.get("#attributes") or told.get(name + "_attributes")) or held
    return {key.removeprefix("@"): value for key, value in found.items()}


def _named(data: dict[str, Any]) -> dict[str, Any]:
    """Values by name; `Data` may be a list of objects that each hold a name and a text."""
    found = {name: value for name, value in data.items() if name not in ("#attributes", "Data")}
    held = data.get("Data")
    for part in held if isinstance(held, list) else []:
        if isinstance(part, dict):
            name = text(part.get("@Name") or part.get("Name") or _object(part.get("#attributes")).get("Name"))
            found[name or "Data"] = text(part.get("#text"))
    return found
