"""What a record of each layout becomes, what is left out, and what is refused."""

from __future__ import annotations

import doctest
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from logsentry_sysmon import clock, command_line, dns, entry, fields, hashes, kept, network, paths, registry, xml_event, xml_usual
from logsentry_sysmon.command_line import arguments
from logsentry_sysmon.source import Sysmon

from logsentry.sdk import BadRecord, Event, Filtered, timestamp
from logsentry.testing import record_of

SOURCE = Sysmon(Sysmon.Config())
PROVIDER = "Microsoft-Windows-Sysmon"
GUID = "{42f11c3b-ccaa-5c8f-0000-0010b4e22700}"


def events_of(data: bytes) -> list[Event]:
    decoded = SOURCE.decode(record_of(data))
    assert isinstance(decoded, tuple), decoded
    return list(decoded)


def event_of(code: int, **data: object) -> Event:
    """The event of one Winlogbeat document."""
    winlog = {"provider_name": PROVIDER, "event_id": code, "computer_name": "win10", "event_data": data}
    [event] = events_of(json.dumps({"@timestamp": "2019-03-18T16:57:52.5Z", "winlog": winlog}).encode())
    return event


def told(code: int, *names: str, **data: object) -> dict[str, object]:
    """Of the fields of an event those whose names begin so."""
    return {name: value for name, value in event_of(code, **data).fields.items() if name.startswith(names)}


@pytest.mark.parametrize(
    "module", [clock, command_line, dns, entry, fields, hashes, network, paths, registry], ids=lambda module: module.__name__
)
def test_the_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert (result.failed, result.attempted > 0) == (0, True)


def test_a_process_whole() -> None:
    event = event_of(
        1, UtcTime="2019-03-18 16:57:52.402", ProcessGuid=GUID, ProcessId="0x640", Image=r"C:\Windows\cmd.exe", Company="-",
        CommandLine=r'"C:\Windows\cmd.exe"  /c "echo ""hi"""', CurrentDirectory="C:\\", User=r"NT AUTHORITY\SYSTEM", IntegrityLevel="High",
        Hashes="IMPHASH=00000000000000000000000000000000,MD5=D41D8CD98F00B204E9800998ECF8427E", ParentImage=r"C:\a\b.exe",
        ParentProcessId=7, ParentCommandLine="b.exe -x", RuleName="technique_id=T1059,technique_name=Shell", LogonId="",
    )  # fmt: skip
    assert event.fields == {
        "event.kind": "event", "event.module": "sysmon", "event.code": "1", "event.category": ["process"], "event.type": ["start"],
        "event.action": "Process creation", "event.provider": PROVIDER, "event.created": "2019-03-18T16:57:52.5Z",
        "host.name": "win10", "winlog.computer_name": "win10", "winlog.event_id": "1", "winlog.provider_name": PROVIDER,
        "process.entity_id": GUID, "process.pid": 1600, "process.executable": r"C:\Windows\cmd.exe", "process.name": "cmd.exe",
        "process.command_line": r'"C:\Windows\cmd.exe"  /c "echo ""hi"""',
        "process.args": [r"C:\Windows\cmd.exe", "/c", "echo hi"], "process.args_count": 3, "process.working_directory": "C:\\",
        "process.hash.md5": "d41d8cd98f00b204e9800998ecf8427e", "related.hash": ["d41d8cd98f00b204e9800998ecf8427e"],
        "process.parent.executable": r"C:\a\b.exe", "process.parent.name": "b.exe", "process.parent.pid": 7,
        "process.parent.command_line": "b.exe -x", "process.parent.args": ["b.exe", "-x"], "process.parent.args_count": 2,
        "user.domain": "NT AUTHORITY", "user.name": "SYSTEM", "related.user": ["SYSTEM"],
        "rule.name": "technique_id=T1059,technique_name=Shell", "winlog.event_data.IntegrityLevel": "High",
    }  # fmt: skip
    assert timestamp(event.time or 0) == "2019-03-18T16:57:52.402Z"
    assert event.message == r'''Process creation: C:\Windows\cmd.exe, as "C:\Windows\cmd.exe"  /c "echo ""hi""", by C:\a\b.exe'''


@pytest.mark.parametrize(
    ("code", "data", "message"),
    [
        (1, {"Image": "a"}, "Process creation: a"),
        (3, {"Image": "a", "DestinationIp": "::1", "DestinationPort": "445"}, "Network connection: a, to ::1 port 445"),
        (7, {"Image": "a", "ImageLoaded": r"C:\b.dll"}, r"Image loaded: C:\b.dll, by a"),
        (10, {"SourceImage": "a", "TargetImage": "b", "GrantedAccess": "0x1410"}, "ProcessAccess: b, with access 0x1410, by a"),
        (11, {"Image": "a"}, "FileCreate, by a"),
        (
            13, {"Image": "a", "TargetObject": r"HKLM\b", "Details": "DWORD (0x00000001)"},
            r"RegistryEvent (Value Set): HKLM\b = DWORD (0x00000001), by a",
        ),
        (22, {"Image": "a", "QueryName": "b.example"}, "DNSEvent (DNS query): b.example, by a"),
        (99, {"Image": "a"}, "Unknown event: a"),
    ],
)  # fmt: skip
def test_a_message_says_what_happened_to_what_and_by_whom(code: int, data: dict[str, str], message: str) -> None:
    assert event_of(code, UtcTime="2019-03-18 16:57:52.402", **data).message == message


def test_a_message_stays_short_and_the_field_whole() -> None:
    event = event_of(1, Image="a", CommandLine="x" * 30_000)
    assert (len(event.message), event.fields["process.command_line"]) == (1_000, "x" * 30_000)


@pytest.mark.parametrize("code", [*range(1, 30), 255])
def test_every_id_of_sysmon_has_a_name_and_a_type(code: int) -> None:
    event = event_of(code, UtcTime="2019-03-18 16:57:52.402")
    assert event.fields["event.code"] == str(code)
    assert event.fields["event.action"] != "Unknown event"
    assert event.fields["event.type"]


def test_an_id_that_sysmon_has_not_yet_is_kept() -> None:
    assert event_of(30, Novelty="x").fields["winlog.event_data.Novelty"] == "x"


def test_a_connection() -> None:
    assert told(
        3, "source.", "destination.", "network.", "related.ip", Protocol="udp", Initiated="true", SourceIsIpv6="false",
        SourceIp="::ffff:10.0.0.1", SourcePort="62141", SourceHostname="-", DestinationIp="fe80:0:0:0:1:2:3:4%5",
        DestinationPort=53, DestinationPortName="domain", SourcePortName="-", DestinationHostname="dc01",
    ) == {
        "network.transport": "udp", "network.direction": "egress", "network.type": "ipv4", "source.ip": "10.0.0.1",
        "source.port": 62141, "destination.ip": "fe80:0:0:0:1:2:3:4", "destination.port": 53, "destination.domain": "dc01",
        "network.protocol": "domain", "related.ip": ["10.0.0.1", "fe80:0:0:0:1:2:3:4"],
    }  # fmt: skip


def test_who_opened_whom_stays_queryable() -> None:
    assert told(
        10, "process.", "winlog.event_data.", SourceProcessGUID=GUID, SourceProcessId="4", SourceThreadId="9", SourceImage="a.exe",
        TargetProcessGuid="42F11C3B-CCAA-5C8F-0000-0010B4E22700", TargetImage=r"C:\lsass.exe", GrantedAccess="0x1fffff",
        CallTrace="ntdll.dll+a0|UNKNOWN(0007)",
    ) == {
        "process.entity_id": GUID, "process.pid": 4, "process.thread.id": 9, "process.executable": "a.exe", "process.name": "a.exe",
        "winlog.event_data.TargetProcessGUID": GUID, "winlog.event_data.TargetImage": r"C:\lsass.exe",
        "winlog.event_data.GrantedAccess": "0x1fffff", "winlog.event_data.CallTrace": "ntdll.dll+a0|UNKNOWN(0007)",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("details", "kind", "text"),
    [
        ("DWORD (0x12349abc)", "REG_DWORD", "305437372"),
        ("QWORD (0x00000001-0x00000005)", "REG_QWORD", "4294967301"),
        ("Binary Data", "REG_BINARY", "Binary Data"),
        ("abcd", "REG_SZ", "abcd"),
    ],
)
def test_data_of_the_registry(details: str, kind: str, text: str) -> None:
    found = told(13, "registry.", TargetObject=r"HKU\S-1-5-18\Software\Key 1", Details=details)
    assert found == {
        "registry.path": r"HKU\S-1-5-18\Software\Key 1", "registry.hive": "HKU", "registry.key": r"S-1-5-18\Software\Key 1",
        "registry.value": "Key 1", "registry.data.type": kind, "registry.data.strings": [text],
    }  # fmt: skip


def test_a_key_is_no_value() -> None:
    found = told(12, "registry.", TargetObject=r"\REGISTRY\MACHINE\Software\X", EventType="CreateKey")
    assert found == {"registry.path": r"\REGISTRY\MACHINE\Software\X", "registry.hive": "HKLM", "registry.key": r"Software\X"}


def test_answers_of_dns() -> None:
    found = told(
        22, "dns.", "related.", "sysmon.", QueryName="a.example.net", QueryStatus="9003",
        QueryResults="type:  5 b.example.net;type:  33 ;::ffff:1.2.3.4;1:2:3::3;",
    )  # fmt: skip
    assert found == {
        "dns.question.name": "a.example.net", "dns.answers.type": ["CNAME", "SRV", "A", "AAAA"],
        "dns.answers.data": ["b.example.net", "1.2.3.4", "1:2:3::3"], "dns.resolved_ip": ["1.2.3.4", "1:2:3::3"],
        "related.hosts": ["a.example.net", "b.example.net"], "related.ip": ["1.2.3.4", "1:2:3::3"],
        "sysmon.dns.status": "DNS_ERROR_RCODE_NAME_ERROR",
    }  # fmt: skip


def test_hashes_are_those_of_what_the_event_is_about() -> None:
    digest = "ab" * 16
    places = {
        code: next(iter(told(code, "process.hash", "file.hash", "sysmon.", Hashes=f"MD5={digest}")))
        for code in (1, 7, 23, 24, 29)
    }
    assert places == {
        1: "process.hash.md5",
        7: "file.hash.md5",
        23: "file.hash.md5",
        24: "sysmon.clipboard.hash.md5",
        29: "file.hash.md5",
    }
    assert told(15, "file.hash", Hash=digest) == {"file.hash.md5": digest}


def test_an_error_says_what_went_wrong() -> None:
    found = told(255, "error.", "process.", ID="DriverCommunication", Description="Failed to retrieve events")
    assert found == {"error.code": "DriverCommunication", "error.message": "Failed to retrieve events"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("a.exe", ["a.exe"]),
        ("a  b\tc ", ["a", "b", "c"]),
        ('"a b" c', ["a b", "c"]),
        (r'a\\b "c\\" d', ["a\\\\b", "c\\", "d"]),
        (r"a \"b c\"", ["a", '"b', 'c"']),
        ('"open to the end', ["open to the end"]),
        ('a ""', ["a", ""]),
    ],
)
def test_a_command_line_is_cut_as_windows_cuts_it(line: str, expected: list[str]) -> None:
    assert arguments(line) == expected


def test_other_providers_are_left_out_whatever_their_numbers() -> None:
    winlog = {"provider_name": "Microsoft-Windows-Security-Auditing", "event_id": 1, "event_data": {}}
    decoded = SOURCE.decode(record_of(json.dumps({"winlog": winlog}).encode()))
    assert decoded == Filtered("not of Sysmon: Microsoft-Windows-Security-Auditing")
    assert isinstance(SOURCE.decode(record_of(b'{"EventID": 1, "Image": "a"}')), Filtered)
    assert isinstance(SOURCE.decode(record_of(b" \r\n")), Filtered)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hello", "neither JSON nor Event XML"),
        (b"{}", "no Windows event"),
        (b'{"winlog": 5}', "no Windows event"),
        (b'{"EventID": 1', "no JSON"),
        (b"[" * 9 + b"]" * 9, "deep"),
        (b"<Event><System>", "not well formed"),
        (b'<!DOCTYPE e [<!ENTITY a "b">]><Event>&a;</Event>', "declares a document type"),
        (b'<?xml version="1.0"?><!DOCTYPE Event SYSTEM "file:///etc/passwd"><Event/>', "declares a document type"),
        (b"<Event>" + b"<a>" * 99, "deep"),
        (b'<?xml version="1.0" encoding="klingon"?><Event/>', "XML"),
        (b"ElfFile\0" + b"x" * 70_000, "does not begin with ElfChnk"),
        (b" " * ((1 << 22) + 1), "more than the"),
        (b'{"winlog": {"provider_name": "Microsoft-Windows-Sysmon", "event_data": {}}}', "no event id"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        SOURCE.decode(record_of(data))


def test_marks_that_sysmon_for_linux_forgets_to_close_are_read() -> None:
    xml = (
        '<Event><System><Provider Name="Linux-Sysmon"/><EventID>5</EventID></System><EventData>'
        '<Data Name="Image">&lt unknown process&gt </Data><Data Name="User">a&b</Data></EventData></Event>'
    )
    [event] = events_of(xml.encode())
    assert (event.fields["process.executable"], event.fields["user.name"]) == ("< unknown process> ", "a&b")


@pytest.mark.parametrize(
    ("head", "framing"),
    [
        (b"ElfFile\0" + b"\0" * 60, "evtx"),
        (b"<Event xmlns=", "xml"),
        (b"\xef\xbb\xbf<?xml version", "xml"),
        (b'[\n {"a"', "json"),
        (b'{\n  "Event": {', "json"),
        (b'{"a": 1}\n{"a": 2}\n', "lines"),
        (b"<14>May 11 18:10:20 host sysmon: <Event>", "lines"),
        (b"", "lines"),
    ],
)
def test_the_framing_is_told_by_the_first_bytes(head: bytes, framing: str) -> None:
    assert SOURCE.framing_of(head) == framing


def test_a_reader_that_hangs_is_ended_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from logsentry_sysmon import evtx_chunk

    worker = tmp_path / "worker.py"
    worker.write_text("import time\ntime.sleep(60)\n")
    reader = evtx_chunk.ChunkReader(seconds=0.2, memory=1 << 30)
    with monkeypatch.context() as patch:
        patch.setattr(evtx_chunk, "_WORKER", worker)
        with pytest.raises(BadRecord, match="took too long"):
            reader.read(b"ElfFile\0")
        assert reader.pid is None
        worker.write_text("import os\nos._exit(3)\n")
        with pytest.raises(BadRecord, match="ended"):
            reader.read(b"ElfFile\0")
    patient = evtx_chunk.ChunkReader(seconds=20, memory=1 << 30)
    assert patient.read(b"ElfFile\0")[0] == []
    patient.close()


def test_a_child_ends_with_its_reader() -> None:
    from logsentry_sysmon.evtx_chunk import ChunkReader

    reader = ChunkReader(seconds=20, memory=1 << 30)
    reader.read(b"ElfFile\0")
    pid = reader.pid
    assert pid is not None
    os.kill(pid, 0)
    del reader
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_chunk_that_is_not_used_is_told_without_a_child() -> None:
    fresh = Sysmon(Sysmon.Config())
    assert fresh.decode(record_of(b"ElfFile\0".ljust(4096, b"\0") + bytes(65536))) == Filtered("a chunk that is not used yet")
    assert fresh._chunks.pid is None


def test_long_texts_are_not_kept() -> None:
    asked: list[str] = []
    length = kept.kept(lambda text: asked.append(text) or len(text))  # type: ignore[func-returns-value]
    assert [length("a"), length("a"), length("b" * 9000), length("b" * 9000)] == [1, 1, 9000, 9000]
    assert [len(text) for text in asked] == [1, 9000, 9000]


@pytest.mark.parametrize(
    "stamp",
    ["2019-03- 8 16:57:52.402", "2019-3-018 16:57:52.402", "2019-W12-1 16:57:52.402", "2019-03-18 16:57:60.402", "2019-02-30 16:57:52.402",
     "2019-03-18 16:57:5٢.402", "2019-03-18 16:57:52.40٢", "2019-03-18_16:57:52.402", "20190318  16:57:52.402"],
)  # fmt: skip
def test_what_only_looks_like_a_time_is_none(stamp: str) -> None:
    assert clock.nanoseconds(stamp) is None
    assert not clock.is_stamp(stamp.replace(" ", "T", 1) + "Z")


@given(st.datetimes(), st.integers(0, 999_999_999))
def test_both_forms_of_a_time_are_the_same_time(moment: datetime, part: int) -> None:
    whole = moment.replace(microsecond=0)
    stamp = whole.isoformat(" ")
    expected = (whole - datetime(1970, 1, 1)) // timedelta(seconds=1) * 10**9
    assert clock.nanoseconds(f"{stamp}.{part // 10**6:03d}") == expected + part // 10**6 * 10**6
    assert clock.nanoseconds(f"{stamp.replace(' ', 'T')}.{part:09d}Z") == expected + part
    assert clock.is_stamp(f"{stamp.replace(' ', 'T')}.{part:09d}Z")


def test_odd_values_beside_a_flat_event_are_read_as_texts() -> None:
    flat = {
        "SourceName": PROVIDER,
        "EventID": 5,
        "Hostname": ["a", "b"],
        "Image": "c.exe",
        "Keywords": {"#text": "x"},
        "Extra": [1, 2],
    }
    [event] = events_of(json.dumps(flat).encode())
    assert (event.fields["host.name"], event.fields["winlog.event_data.Extra"]) == ("a,b", "1,2")
    wrapped = {
        "EventID": 5,
        "event": {"winlog": {"provider_name": PROVIDER, "event_id": 1, "event_data": {}}},
        "EventData": {"a": 1},
    }
    assert isinstance(SOURCE.decode(record_of(json.dumps(wrapped).encode())), Filtered)


def test_events_of_one_kind_share_no_lists() -> None:
    first, second = (event_of(1, User="A\\b", CommandLine="a b", Hashes="MD5=" + "ab" * 16) for _ in range(2))
    for name, value in first.fields.items():
        assert not isinstance(value, list) or value is not second.fields[name], name


def test_a_reader_has_a_limit_of_memory() -> None:
    from logsentry_sysmon.evtx_chunk import ChunkReader

    starved = ChunkReader(seconds=20, memory=8 << 20)
    with pytest.raises(BadRecord, match="ended"):
        starved.read(b"ElfFile\0" + bytes(64 << 20))


@settings(max_examples=300, deadline=None)
@given(
    cut=st.integers(0, 900),
    put=st.text(st.characters(max_codepoint=0x3000), max_size=6)
    | st.sampled_from(["&lt;", "<Data/>", "<!---->", "'", '"', "</Event>"]),
)
@example(cut=232, put="\n")
def test_both_readers_of_xml_say_the_same(cut: int, put: str) -> None:
    text = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Sysmon' Guid='{57}'/>"
        "<EventID>11</EventID><Version>2</Version><Level>4</Level><Opcode>0</Opcode><TimeCreated SystemTime='2019-03-18T16:57:52.4Z'/>"
        "<EventRecordID>32</EventRecordID><Correlation/><Execution ProcessID='4860' ThreadID='4516'/><Computer>win10</Computer></System>"
        "<EventData><Data Name='RuleName'></Data><Data Name='Image'>C:\\a b.exe</Data><Data Name=\"Empty\"/>\n</EventData></Event>"
    )  # fmt: skip
    data = (text[: cut % len(text)] + put + text[cut % len(text) :]).encode()
    try:
        quick = xml_usual.usual_entry(data, xml_event._system_of)
    except BadRecord:
        with pytest.raises(BadRecord):
            xml_event.parsed(data)
    else:
        assert quick is None or xml_event.parsed(data) == [quick]
