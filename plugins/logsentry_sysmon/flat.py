"""Layouts where an event's data lie beside its system values: NXLog and its kin, tables of Azure Sentinel, and Wazuh."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import unescape

import msgspec

from logsentry_sysmon.entry import Entry, System, number, text

# NXLog, "im_msvistalog", Fields; the rest are what Logstash and Sentinel's tables add.
_SYSTEM = frozenset({
    "@timestamp", "@version", "@metadata", "AccountName", "AccountType", "ActivityID", "Category", "Channel", "Computer", "Domain",
    "EventID", "EventId", "EventOriginId", "EventLevel", "EventLevelName", "EventReceivedTime", "EventTime", "EventTypeOrignal",
    "ExecutionProcessID", "Hostname", "Keywords", "Level", "ManagementGroupName", "Message", "MG", "Opcode", "OpcodeValue",
    "ProcessID", "Provider", "ProviderGuid", "ProviderName", "RecordNumber", "EventRecordID", "EventRecordId", "RelatedActivityID",
    "Severity", "SeverityValue", "SourceModuleName", "SourceModuleType", "SourceName", "SourceSystem", "Task", "TenantId",
    "ThreadID", "TimeCreated", "TimeGenerated", "UserID", "_ResourceId", "host", "port", "tags", "message", "type", "level",
    "ParameterXml", "EventData", "RenderedDescription", "EventCategory", "AzureDeploymentID", "Role",
})  # fmt: skip
_ESCAPED = re.compile(r'\\(["\\])')
_QUOTES = {"&quot;": '"', "&apos;": "'"}
_NXLOG_TYPES = frozenset({"INFO", "ERROR", "WARNING", "CRITICAL", "VERBOSE", "AUDIT_SUCCESS", "AUDIT_FAILURE"})


def flat_entry(document: dict[str, Any]) -> Entry:
    """The entry of a flat document, as NXLog writes it; names that are not the collector's are the event's data."""
    code = number(document.get("EventID", document.get("EventId")))
    data = {name: value for name, value in document.items() if name not in _SYSTEM}
    version = document.get("Version")
    if code != 4 or isinstance(version, int):  # event 4 tells the version of Sysmon itself
        data.pop("Version", None)
    if data.get("EventType") in _NXLOG_TYPES:
        del data["EventType"]
    return Entry(_system(code, document), _record(document), _created(document), data)


def table_entry(document: dict[str, Any], data: dict[str, Any]) -> Entry:
    """The entry of a row of Sentinel's tables `Event` and `WindowsEvent`, whose data were a text of their own."""
    code = number(document.get("EventID"))
    return Entry(_system(code, document), _record(document), _created(document), data)


def _system(code: int | None, document: dict[str, Any]) -> System:
    get = document.get
    told = (
        code, get("SourceName") or get("ProviderName") or get("Provider") or get("Source"), get("Channel") or get("EventLog"),
        get("Hostname") or get("Computer") or get("host"), get("ProviderGuid"), get("Version"),
        get("Severity") or get("EventLevelName"), get("Opcode"), get("Task"), get("UserID"), get("AccountName"), get("Domain"),
        get("AccountType"), get("ExecutionProcessID", get("ProcessID")), get("ThreadID"),
    )  # fmt: skip
    try:
        return _made(*told)
    except TypeError:  # lists or objects stand where texts should
        return _made(code, *map(text, told[1:]))


@lru_cache(maxsize=4096)
def _made(
    code: int | None, provider: Any, channel: Any, computer: Any, guid: Any, version: Any, level: Any, opcode: Any, task: Any,
    user_id: Any, user: Any, domain: Any, kind: Any, pid: Any, thread: Any,
) -> System:  # fmt: skip
    severity = text(level).lower()
    return System(
        code=-1 if code is None else code, provider=text(provider), channel=text(channel), computer=text(computer),
        provider_guid=text(guid), version=None if code == 4 else number(version),
        level={"info": "information"}.get(severity, severity), opcode=text(opcode), task=text(task), user_id=text(user_id),
        user_name=text(user), user_domain=text(domain), user_type=text(kind), pid=number(pid), thread=number(thread),
    )  # fmt: skip


def _record(document: dict[str, Any]) -> str:
    return text(document.get("RecordNumber") or document.get("EventRecordID") or document.get("EventRecordId"))


def _created(document: dict[str, Any]) -> str:
    return text(document.get("TimeCreated") or document.get("TimeGenerated") or document.get("@timestamp"))


def wazuh_entry(win: dict[str, Any]) -> Entry:
    """The entry of the object `win` in what Wazuh's agents send: names begin in lower case, values are escaped once more."""
    held, values = win.get("system"), win.get("eventdata")
    told: dict[str, Any] = held if isinstance(held, dict) else {}
    data = {_capital(name): _unescaped(text(value)) for name, value in values.items()} if isinstance(values, dict) else {}
    code = number(told.get("eventID"))
    system = System(
        code=-1 if code is None else code, provider=text(told.get("providerName")), channel=text(told.get("channel")),
        computer=text(told.get("computer")), provider_guid=text(told.get("providerGuid")), version=number(told.get("version")),
        level=text(told.get("severityValue")).lower(), opcode="Info" if told.get("opcode") == "0" else text(told.get("opcode")),
        task=text(told.get("task")), pid=number(told.get("processID")), thread=number(told.get("threadID")),
    )  # fmt: skip
    return Entry(system, text(told.get("eventRecordID")), text(told.get("systemTime")), data)


def _unescaped(value: str) -> str:
    if "\\" in value:
        value = _ESCAPED.sub(r"\1", value)
    return unescape(value, _QUOTES) if "&" in value else value


def _capital(name: str) -> str:
    return "ID" if name == "iD" else name[:1].upper() + name[1:]


def with_system(entry: Entry, **told: str) -> Entry:
    """The entry with what its envelope knows of its system, where it did not say so itself."""
    missing = {name: value for name, value in told.items() if value and not getattr(entry.system, name)}
    return msgspec.structs.replace(entry, system=msgspec.structs.replace(entry.system, **missing)) if missing else entry
