"""An `Entry` as ECS fields.

`STEPS` says for each name in an event's data where its value goes: a field's name where the text goes there as it is, or a
function where more is to be done. What stands in no step keeps its own name below `winlog.event_data.`, where Elastic has it
too: `TargetImage`, `GrantedAccess`, `CallTrace` and others that ECS has no place for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from logsentry.sdk import Value
from logsentry_sysmon import dns, registry
from logsentry_sysmon.command_line import arguments
from logsentry_sysmon.entry import System, number, text
from logsentry_sysmon.hashes import ALGORITHMS, hashes
from logsentry_sysmon.kept import kept
from logsentry_sysmon.kinds import KINDS, UNKNOWN
from logsentry_sysmon.network import as_ip
from logsentry_sysmon.paths import account, file_fields, name_of

Fields = dict[str, Value]
Step = Callable[[Fields, str], None]
_NO_GUID = frozenset({"{00000000-0000-0000-0000-000000000000}", "00000000-0000-0000-0000-000000000000"})


def event_fields(system: System, data: dict[str, Any]) -> Fields:
    """ECS fields of one event, without its time and record number."""
    alike, category, kind, steps = _plan(system, tuple(data))
    fields = alike.copy()
    if category:
        fields["event.category"] = [*category]
    if kind:
        fields["event.type"] = [*kind]
    for step, value in zip(steps, data.values(), strict=True):
        if value.__class__ is not str:
            if value.__class__ is int and 0 <= value < 1 << 32 and (target := _WHOLE.get(step)) is not None:
                fields[target] = value
                continue
            value = text(value)
        if not value or value == "-":
            continue
        if step.__class__ is str:
            fields[step] = value
        else:
            step(fields, value)
    return fields


@lru_cache(maxsize=4096)
def _plan(system: System, names: tuple[str, ...]) -> tuple[Fields, tuple[str, ...], tuple[str, ...], tuple[Any, ...]]:
    """(fields, categories, types, a step for each name) that are alike in all events of one kind on one machine.

    Few differ: Sysmon is one process, and writes the same names in the same order for each event of a kind.
    """
    kind, steps = KINDS.get(system.code, UNKNOWN), _STEPS_OF.get(system.code, STEPS)
    return _system_fields(system), kind.category, kind.type, tuple(steps.get(name, "winlog.event_data." + name) for name in names)


def _system_fields(system: System) -> Fields:
    kind = KINDS.get(system.code, UNKNOWN)
    fields: dict[str, Any] = {
        "event.kind": "event", "event.module": "sysmon", "event.code": str(system.code), "event.action": kind.action,
        "event.provider": system.provider, "log.level": system.level, "host.name": system.computer,
        "user.id": system.user_id, "winlog.channel": system.channel, "winlog.computer_name": system.computer,
        "winlog.event_id": str(system.code), "winlog.provider_name": system.provider,
        "winlog.provider_guid": system.provider_guid, "winlog.opcode": system.opcode, "winlog.task": system.task,
        "winlog.version": system.version, "winlog.process.pid": system.pid, "winlog.process.thread.id": system.thread,
        "winlog.user.identifier": system.user_id, "winlog.user.name": system.user_name,
        "winlog.user.domain": system.user_domain, "winlog.user.type": system.user_type,
        "network.protocol": "dns" if system.code == 22 else "",
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value not in ("", "-", None)}


def _add(fields: Fields, name: str, *values: str) -> None:
    """Adds to a list what it does not hold yet."""
    held: Any = fields.setdefault(name, [])
    for value in values:
        if value not in held:
            held.append(value)


@kept
def guid(value: str) -> str:
    """In braces, as Windows writes it; readers of EVTX take the braces off and write capitals.

    >>> guid("365ABB72-3D4B-5CEB-0000-0010FA93FD00")
    '{365abb72-3d4b-5ceb-0000-0010fa93fd00}'
    """
    return value if value[0] == "{" else "{" + value.lower() + "}"


def _guid(name: str) -> Step:
    def step(fields: Fields, value: str) -> None:
        if value not in _NO_GUID:
            fields[name] = value if value[0] == "{" else guid(value)

    return step


def _number(name: str) -> Step:
    def step(fields: Fields, value: str) -> None:
        if value.isdecimal() and len(value) < 19:
            fields[name] = int(value)
        elif (found := number(value)) is not None:
            fields[name] = found

    return step


def _boolean(name: str) -> Step:
    def step(fields: Fields, value: str) -> None:
        lowered = value.lower()
        if lowered in ("true", "false"):
            fields[name] = lowered == "true"

    return step


def _program(prefix: str) -> Step:
    executable, called = f"{prefix}.executable", f"{prefix}.name"

    def step(fields: Fields, value: str) -> None:
        fields[executable] = value
        if name := name_of(value):
            fields[called] = name

    return step


@kept
def _words(line: str) -> tuple[str, ...]:
    return tuple([word for word in arguments(line) if word])


def _command(prefix: str) -> Step:
    line, words, count = f"{prefix}.command_line", f"{prefix}.args", f"{prefix}.args_count"

    def step(fields: Fields, value: str) -> None:
        fields[line] = value
        if found := _words(value):
            fields[words], fields[count] = [*found], len(found)

    return step


def _hashes(prefix: str) -> Step:
    places = {name: f"{prefix}.pe.imphash" if name == "imphash" else f"{prefix}.hash.{name}" for name in ALGORITHMS}

    def step(fields: Fields, value: str) -> None:
        found = hashes(value)
        for name, digest in found.items():
            fields[places[name]] = digest
        if found:
            fields["related.hash"] = [*dict.fromkeys(found.values())]

    return step


def _user(fields: Fields, value: str) -> None:
    domain, name = account(value)
    if domain:
        fields["user.domain"] = domain
    if name:
        fields["user.name"] = name
        fields["related.user"] = [name]


def _address(side: str) -> Step:
    address = f"{side}.ip"

    def step(fields: Fields, value: str) -> None:
        if (ip := as_ip(value)) is not None:
            fields[address] = ip
            _add(fields, "related.ip", ip)

    return step


def _file(fields: Fields, value: str) -> None:
    fields.update(file_fields(value))


def _rule(fields: Fields, value: str) -> None:
    fields["rule.name"] = value


def _port_name(fields: Fields, value: str) -> None:
    """The far end's name for the port says the protocol, the near end's only where that has none."""
    fields.setdefault("network.protocol", value)


def _initiated(fields: Fields, value: str) -> None:
    fields["network.direction"] = "egress" if value.lower() == "true" else "ingress"


def _six(fields: Fields, value: str) -> None:
    fields["network.type"] = "ipv6" if value.lower() == "true" else "ipv4"


def _question(fields: Fields, value: str) -> None:
    fields["dns.question.name"] = value
    _add(fields, "related.hosts", value)


def _answers(fields: Fields, value: str) -> None:
    fields["winlog.event_data.QueryResults"] = value
    for name, found in dns.answer_fields(value).items():
        if name.startswith("related.") and isinstance(found, list):
            _add(fields, name, *map(str, found))
        else:
            fields[name] = found


def _status(fields: Fields, value: str) -> None:
    fields["sysmon.dns.status"] = dns.status(value)


def _signature_status(fields: Fields, value: str) -> None:
    fields["file.code_signature.status"] = value
    fields["file.code_signature.valid"] = value == "Valid"


def _key(fields: Fields, value: str) -> None:
    fields.update(registry.key_fields(value, is_value=False))


def _value(fields: Fields, value: str) -> None:
    fields.update(registry.key_fields(value, is_value=True))


def _details(fields: Fields, value: str) -> None:
    fields["winlog.event_data.Details"] = value
    fields.update(registry.data_fields(value))


def _nothing(fields: Fields, value: str) -> None:
    """What another field says as well."""


_NUMBERS = {
    "ProcessId": "process.pid", "SourceProcessId": "process.pid", "ParentProcessId": "process.parent.pid",
    "SourceThreadId": "process.thread.id", "SourcePort": "source.port", "DestinationPort": "destination.port",
}  # fmt: skip
STEPS: dict[str, str | Step] = {
    "UtcTime": _nothing,
    "RuleName": _rule,
    "Image": _program("process"), "SourceImage": _program("process"), "ParentImage": _program("process.parent"),
    **{name: _number(target) for name, target in _NUMBERS.items()},
    "ProcessGuid": _guid("process.entity_id"), "ProcessGUID": _guid("process.entity_id"),
    "SourceProcessGuid": _guid("process.entity_id"), "SourceProcessGUID": _guid("process.entity_id"),
    "ParentProcessGuid": _guid("process.parent.entity_id"), "ParentProcessGUID": _guid("process.parent.entity_id"),
    "TargetProcessGuid": _guid("winlog.event_data.TargetProcessGUID"),
    "TargetProcessGUID": _guid("winlog.event_data.TargetProcessGUID"), "LogonGuid": _guid("winlog.event_data.LogonGuid"),
    "CommandLine": _command("process"), "ParentCommandLine": _command("process.parent"),
    "CurrentDirectory": "process.working_directory",
    "Company": "process.pe.company", "Description": "process.pe.description", "FileVersion": "process.pe.file_version",
    "Product": "process.pe.product", "OriginalFileName": "process.pe.original_file_name",
    "User": _user, "SourceUser": _user,
    "Hashes": _hashes("file"), "Hash": _hashes("file"),
    "TargetFilename": _file, "Device": _file, "ImageLoaded": _file, "PipeName": "file.name",
    "Signed": _boolean("file.code_signature.exists"), "Signature": "file.code_signature.subject_name",
    "SignatureStatus": _signature_status,
    "Protocol": "network.transport", "DestinationPortName": _port_name, "SourcePortName": _port_name,
    "Initiated": _initiated, "SourceIsIpv6": _six, "DestinationIsIpv6": _nothing,
    "SourceIp": _address("source"), "SourceHostname": "source.domain",
    "DestinationIp": _address("destination"),
    "DestinationHostname": "destination.domain",
    "QueryName": _question, "QueryResults": _answers, "QueryStatus": _status,
    "TargetObject": _value, "Details": _details,
    "Archived": _boolean("sysmon.file.archived"), "IsExecutable": _boolean("sysmon.file.is_executable"),
}  # fmt: skip
_WHOLE: dict[object, str] = {STEPS[name]: target for name, target in _NUMBERS.items()}  # for numbers that are no text
_OF_FILE: dict[str, str | Step] = {
    "Company": "file.pe.company", "Description": "file.pe.description", "FileVersion": "file.pe.file_version",
    "Product": "file.pe.product", "OriginalFileName": "file.pe.original_file_name",
}  # fmt: skip
_STEPS_OF: dict[int, dict[str, str | Step]] = {
    1: {**STEPS, "Hashes": _hashes("process"), "Hash": _hashes("process")},
    6: {**STEPS, **_OF_FILE},
    7: {**STEPS, **_OF_FILE},
    12: {**STEPS, "TargetObject": _key},
    24: {**STEPS, "Hashes": _hashes("sysmon.clipboard"), "Hash": _hashes("sysmon.clipboard")},
    255: {**STEPS, "ID": "error.code", "Description": "error.message"},
}
