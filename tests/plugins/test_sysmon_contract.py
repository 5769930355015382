"""The source keeps the contract of every source, on one record of each layout; and any XML or JSON is answered in kind."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from logsentry_sysmon.source import Sysmon

from logsentry.testing import SourceContract

GOLDEN = Path(__file__).parents[1] / "golden" / "sysmon"
SYSTEM = (
    '<System><Provider Name="Microsoft-Windows-Sysmon" Guid="{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"/><EventID>11</EventID>'
    '<Version>2</Version><Level>4</Level><Task>11</Task><Opcode>0</Opcode><TimeCreated SystemTime="2019-03-18T16:57:52.4333673Z"/>'
    '<EventRecordID>32</EventRecordID><Execution ProcessID="4860" ThreadID="4516"/>'
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>win10</Computer>"
    '<Security UserID="S-1-5-18"/></System>'
)
DATA = {
    "UtcTime": "2019-03-18 16:57:52.433", "ProcessGuid": "{42f11c3b-ccaa-5c8f-0000-0010b4e22700}", "ProcessId": "1600",
    "Image": r"C:\Windows\explorer.exe", "TargetFilename": r"C:\Users\bob\a & b.tmp", "User": r"WIN10\bob", "RuleName": "-",
}  # fmt: skip
XML = (
    f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>{SYSTEM}<EventData>"
    + "".join(f"<Data Name='{name}'>{value.replace('&', '&amp;')}</Data>" for name, value in DATA.items())
    + "</EventData></Event>"
)
FLAT = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 11,
    "Hostname": "win10",
    "@timestamp": "2019-03-18T16:57:52.5Z",
}
WINLOG = {
    "channel": "Microsoft-Windows-Sysmon/Operational", "provider_name": "Microsoft-Windows-Sysmon", "event_id": "11",
    "computer_name": "win10", "record_id": 32, "process": {"pid": 4860, "thread": {"id": 4516}}, "event_data": DATA,
    "user": {"identifier": "S-1-5-18"},
}  # fmt: skip
EVTX_DUMP = {
    "Event": {
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon", "Guid": "5770385F-C22A-43E0-BF4C-06F5698FFBD9"}},
            "EventID": {"#attributes": {"Qualifiers": ""}, "#text": 11}, "Channel": "Microsoft-Windows-Sysmon/Operational",
            "TimeCreated": {"#attributes": {"SystemTime": "2019-03-18T16:57:52.433367Z"}}, "EventRecordID": 32, "Computer": "win10",
            "Execution": {"#attributes": {"ProcessID": 4860, "ThreadID": 4516}},
        },
        "EventData": DATA | {"ProcessGuid": "42F11C3B-CCAA-5C8F-0000-0010B4E22700", "ProcessId": 1600},
    }
}  # fmt: skip
WAZUH = {
    "win": {
        "system": {"providerName": "Microsoft-Windows-Sysmon", "eventID": "11", "computer": "win10", "channel": "x"},
        "eventdata": {name[:1].lower() + name[1:]: value.replace("\\", "\\\\") for name, value in DATA.items()},
    }
}
LAYOUTS: dict[str, bytes] = {
    "xml": XML.encode(),
    "xml in UTF-16": ('<?xml version="1.0" encoding="utf-16"?>' + XML).encode("utf-16"),
    "several in one": f"<Events>{XML}{XML}</Events>".encode(),
    "winlogbeat": json.dumps({"@timestamp": "2019-03-18T16:57:52.4333673Z", "winlog": WINLOG}).encode(),
    "winlogbeat 6": json.dumps(
        {"log_name": "Microsoft-Windows-Sysmon/Operational", "source_name": "Microsoft-Windows-Sysmon", "event_id": 11,
         "computer_name": "win10", "record_number": "32", "event_data": DATA, "user": {"identifier": "S-1-5-18"}}
    ).encode(),
    "nxlog": json.dumps(FLAT | DATA | {"SourceName": "Microsoft-Windows-Sysmon", "EventType": "INFO", "ExecutionProcessID": 4860}).encode(),
    "flat": json.dumps(FLAT | DATA).encode(),
    "sentinel": json.dumps(
        {"TenantId": "t", "Computer": "win10", "Channel": FLAT["Channel"], "EventID": 11, "EventData": json.dumps(DATA)}
    ).encode(),
    "sentinel with xml": json.dumps(
        {"Source": "Microsoft-Windows-Sysmon", "Computer": "win10", "EventID": 11, "EventData": XML[XML.index("<EventData") : -8]}
    ).encode(),
    "evtx_dump": json.dumps(EVTX_DUMP).encode(),
    "evtx_dump pretty": json.dumps(EVTX_DUMP, indent=2).encode(),
    "wazuh": json.dumps(WAZUH).encode(),
    "wazuh alert": json.dumps({"rule": {"id": "1"}, "data": WAZUH}).encode(),
    "search hits": json.dumps([{"_source": {"winlog": WINLOG}}, {"_source": {"winlog": WINLOG}}]).encode(),
    "syslog": f"May 11 18:10:20 ubuntu5 sysmon: {XML}".replace("Microsoft-Windows-Sysmon", "Linux-Sysmon").encode(),
    "syslog in json": json.dumps({"HostName": "ubuntu5", "SyslogMessage": XML}).encode(),
}  # fmt: skip


def chunks(path: Path) -> list[bytes]:
    """The records of an EVTX file, as the files input cuts them."""
    data = gzip.decompress(path.read_bytes())
    return [data[:4096] + data[at : at + 65536] for at in range(4096, len(data), 65536)]


class TestSysmon(SourceContract):
    make = Sysmon
    sample = tuple(LAYOUTS.values())


class TestSysmonChunks(SourceContract):
    """The same for EVTX; any bytes are put where a chunk should be."""

    make = Sysmon
    sample = tuple(chunks(GOLDEN / "psexec.evtx.gz"))
