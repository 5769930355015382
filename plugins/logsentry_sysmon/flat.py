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
_TOLD = frozenset({
    "EventID", "EventId", "SourceName", "ProviderName", "Provider", "Source", "Channel", "EventLog", "Hostname", "Computer", "host",
    "ProviderGuid", "Version", "Severity", "EventLevelName", "Opcode", "Task", "UserID", "AccountName", "Domain", "AccountType",
    "ExecutionProcessID", "ProcessID", "ThreadID",
})  # fmt: skip
_NESTED = frozenset({"winlog", "Event", "win", "event_data", "System", "EventData"})
_ESCAPED = re.compile(r'\\(["\\])')
_QUOTES = {"&quot;": '"', "&apos;": "'"}
_NXLOG_TYPES = frozenset({"INFO", "ERROR", "WARNING", "CRITICAL", "VERBOSE", "AUDIT_SUCCESS", "AUDIT_FAILURE"})


class _Layout(msgspec.Struct, frozen=True):
    """Of the names of a document those of its data, those that a `System` is made of, and whether an object may stand among them."""

    data: tuple[str, ...]
    told: tuple[str, ...]
    nested: bool


@lru_cache(maxsize=1024)
def _layout(names: tuple[str, ...]) -> _Layout:
    data = tuple(name for name in names if name not in _SYSTEM)
    nested = not _NESTED.isdisjoint(names) or ("EventID" not in names and "EventId" not in names)
    return _Layout(data, tuple(name for name in names if name in _TOLD), nested)


def usual_entry(document: dict[str, Any]) -> Entry | None:
    """The entry of a document whose names say that it is flat and nothing else, so that no other layout need be tried."""
    return None if _layout(tuple(document)).nested else flat_entry(document)


def flat_entry(document: dict[str, Any]) -> Entry:
    """The entry of a flat document, as NXLog writes it; names that are not the collector's are the event's data."""
    layout = _layout(tuple(document))
    data = {name: document[name] for name in layout.data}
    system = _system(layout.told, document)
    if system.code != 4 or isinstance(document.get("Version"), int):  # event 4 tells the version of Sysmon itself
        data.pop("Version", None)
    if data.get("EventType") in _NXLOG_TYPES:
        del data["EventType"]
    return Entry(system, _record(document), _created(document), data)


def table_entry(document: dict[str, Any], data: dict[str, Any]) -> Entry:
    """The entry of a row of Sentinel's tables `Event` and `WindowsEvent`, whose data were a text of their own."""
    return Entry(_system(_layout(tuple(document)).told, document), _record(document), _created(document), data)


def _system(names: tuple[str, ...], document: dict[str, Any]) -> System:
    told = tuple([document[name] for name in names])
    try:
        return _made(names, told)
    except TypeError:  # lists or objects stand where texts should
        return _made(names, tuple(map(text, told)))


@lru_cache(maxsize=4096)
def _made(names: tuple[str, ...], told: tuple[Any, ...]) -> System:
    get = dict(zip(names, told, strict=True)).get
    code = number(get("EventID", get("EventId")))
    severity = text(get("Severity") or get("EventLevelName")).lower()
    return System(
        code=-1 if code is None else code,
        provider=text(get("SourceName") or get("ProviderName") or get("Provider") or get("Source")),
        channel=text(get("Channel") or get("EventLog")), computer=text(get("Hostname") or get("Computer") or get("host")),
        provider_guid=text(get("ProviderGuid")), version=None if code == 4 else number(get("Version")),
        level={"info": "information"}.get(severity, severity), opcode=text(get("Opcode")), task=text(get("Task")),
        user_id=text(get("UserID")), user_name=text(get("AccountName")), user_domain=text(get("Domain")),
        user_type=text(get("AccountType")), pid=number(get("ExecutionProcessID", get("ProcessID"))), thread=number(get("ThreadID")),
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
