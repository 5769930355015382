"""What each schema says arrives, and what is no report of a known version is refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from logsentry_speakeasy.source import Speakeasy
from logsentry_speakeasy.text import ReportText
from logsentry_speakeasy.values import argument_words, host_words, value_words

from logsentry.sdk import BadRecord, Event, Filtered
from logsentry.testing import record_of

FOLDER = Path(__file__).parents[1] / "golden" / "speakeasy"
SOURCE = Speakeasy(Speakeasy.Config())
CALL = {"pc": "0x1", "api_name": "KERNEL32.GetACP", "args": [], "ret_val": "0x4e4"}


def event_of(report: Any) -> Event:
    decoded = SOURCE.decode(record_of(json.dumps(report).encode()))
    assert not isinstance(decoded, Filtered)
    (event,) = decoded
    return event


def run_of(**more: Any) -> dict[str, Any]:
    return {"ep_type": "module_entry", "apihash": "", "apis": [CALL], "error": {}, **more}


def test_a_whole_report_and_its_bare_list_do_the_same() -> None:
    whole = json.loads((FOLDER / "full-1.1.0.report").read_bytes())
    report, bare = event_of(whole), event_of(whole["entry_points"])
    assert report.fields["speakeasy.api.name"] == bare.fields["speakeasy.api.name"]
    assert report.fields["file.hash.sha256"] == whole["sha256"]
    assert (report.time, bare.time) == (whole["timestamp"] * 1_000_000_000, None)


def test_both_schemas_with_events_give_the_same_text_and_fields() -> None:
    older, newer = ((FOLDER / f"events-{version}.report").read_bytes() for version in ("3.0.0", "5.0.0"))
    assert ReportText().tokens(older) == ReportText().tokens(newer)
    same = ("speakeasy.api.args", "registry.path", "destination.ip", "dns.question.name", "speakeasy.process.action")
    first, second = event_of(json.loads(older)).fields, event_of(json.loads(newer)).fields
    assert [first[name] for name in same] == [second[name] for name in same]


def test_what_an_event_with_events_says() -> None:
    fields = event_of(json.loads((FOLDER / "events-3.0.0.report").read_bytes())).fields
    run = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run"
    expected = {
        "event.category": ["process", "file", "registry", "network"],
        "file.name": "payload.exe",
        "file.extension": "exe",
        "process.pid": 1056,
        "event.duration": 1_234_000_000,
        "registry.path": [run, rf"{run}\updater"],
        "speakeasy.registry.action": ["open_key", "write_value"],
        "speakeasy.file.action": ["create", "write"],
        "destination.ip": ["10.1.2.3"],
        "destination.domain": ["updates.example.com"],
        "destination.port": [8080, 443],
        "network.transport": ["tcp"],
        "network.protocol": ["https"],
        "dns.question.name": ["updates.example.com"],
        "dns.resolved_ip": ["10.1.2.3"],
        "speakeasy.process.action": ["create", "mem_write", "thread_inject"],
        "speakeasy.process.command_line": ["cmd.exe /c whoami"],
        "speakeasy.api.count": 3,
        "error.type": "unsupported_api",
        "error.message": "emulation ended by unsupported_api in user32.GetKeyboardType at 0x401234",
        "related.hosts": ["updates.example.com"],
    }
    assert {name: fields.get(name) for name in expected} == expected


def test_the_text_has_registry_network_and_files_before_the_calls() -> None:
    run = run_of(
        registry_access=[{"event": "open_key", "path": r"HKEY_LOCAL_MACHINE\SOFTWARE"}],
        network_events={"dns": [{"query": "a.b.example.com", "response": ""}], "traffic": [{"server": "8.8.8.8", "port": 53}]},
        file_access=[{"event": "create", "path": r"C:\Users\bob\a.tmp"}],
        process_events=[{"event": "create", "path": "left out", "cmdline": "left out"}],
    )
    assert ReportText().tokens(json.dumps([run, run_of()]).encode()) == (
        "open key hkey local machine software public 53 domain create drive users user a tmp kernel32 getacp 0x4e4 kernel32 getacp 0x4e4"
    )


def test_no_more_network_records_are_read_than_the_filter_says() -> None:
    many = run_of(network_events={"dns": [], "traffic": [{"server": "8.8.8.8", "port": 53}] * 1000})
    assert ReportText().tokens(json.dumps([many]).encode()).count("public") == 256


def test_a_user_may_choose_other_parts() -> None:
    config = {"text": {"parts": [{"section": "process_events", "fields": [["cmdline", "value"]]}]}}
    source = Speakeasy(msgspec.convert(config, Speakeasy.Config))
    run = run_of(process_events=[{"event": "create", "path": "x", "cmdline": r"C:\x.exe /q"}])
    assert source.text.tokens(json.dumps([run]).encode()) == "drive x exe q"
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value"):
        msgspec.convert({"text": {"parts": [{"section": "apis", "fields": [["pc", "value"]]}]}}, Speakeasy.Config)


def test_dirty_values_of_real_reports_are_kept() -> None:
    run = run_of(
        file_access=[{"event": "create", "path": "4" * 41, "open_flags": "0x2"}],
        process_events=[{"event": "create", "pid": 1, "path": r"Cb.exedows\temp\HGDraw.dll", "cmdline": "\x01"}],
        network_events={"dns": [], "traffic": [{"server": "", "port": 443, "proto": "tcp.http", "headers": 0}]},
        ret_val=None,
    )
    fields = event_of([run]).fields
    assert fields["speakeasy.file.path"] == ["4" * 41]
    assert fields["destination.port"] == [443]
    assert "destination.address" not in fields


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"report_version": "4.0.0", "entry_points": []}', "version is '4.0.0', and only 1.1.0, 3.0.0, 5.0.0"),
        (b'{"entry_points": [{"apis": []}]}', "version is ''"),
        (b'{"report_version": "1.1.0", "entry_points": [{"events": []}]}', "no list of API calls"),
        (b'{"report_version": "5.0.0", "entry_points": [{"apis": []}]}', "has 'apis'"),
        (b'[{"events": [{"event": "api"}]}]', "does not say its version"),
        (b'[{"ep_type": "thread"}]', "a member has no 'apis'"),
        (b"[]", "empty"),
        (b'{"file_access": [], "apis": []}', "neither report_version nor entry_points"),
        (b'"report"', "no Speakeasy report"),
        (b'[{"apis": []}] trailing', "not valid JSON"),
        (b"[" * 100_000, "no Speakeasy report"),
        (b'{"report_version": "5.0.0", "data": ' + b'{"a":' * 100_000, "not valid JSON"),
    ],
)
def test_what_is_no_report_of_a_known_version_says_so(data: bytes, why: str) -> None:
    with pytest.raises(BadRecord, match=why.replace("[", r"\[")):
        SOURCE.decode(record_of(data))


def test_a_report_that_is_too_long_is_refused_unread() -> None:
    with pytest.raises(BadRecord, match="11 bytes, more than the 10"):
        Speakeasy(Speakeasy.Config(max_report_bytes=10)).decode(record_of(b'[{"apis":[]'))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b" \n", "blank record"),
        (b'{"report_version": "1.1.0", "entry_points": []}', "no entry point was emulated"),
        (
            b'{"report_version": "5.0.0", "errors": [{"type": "unsupported_arch"}], "entry_points": []}',
            "no entry point was emulated: unsupported_arch",
        ),
    ],
)
def test_reports_of_nothing_are_filtered_with_the_reason(data: bytes, reason: str) -> None:
    assert SOURCE.decode(record_of(data)) == Filtered(reason)


def test_stalled_reports_are_left_out_only_where_asked() -> None:
    data = json.dumps([run_of(apis=[CALL | {"api_name": "MSVBVM60.ordinal_100"}])]).encode()
    assert not isinstance(SOURCE.decode(record_of(data)), Filtered)
    assert isinstance(Speakeasy(Speakeasy.Config(skip_stalled=True)).decode(record_of(data)), Filtered)


@pytest.mark.parametrize("bad", [b"\\ud800", b"\xff", b"\xed\xa0\x80", b"\x01"])
def test_one_broken_string_does_not_cost_the_report(bad: bytes) -> None:
    data = b'[{"apis": [{"api_name": "a.b", "args": ["' + bad + b'"]}]}]'
    decoded = SOURCE.decode(record_of(data))
    assert not isinstance(decoded, Filtered)
    (event,) = decoded
    assert event.fields["speakeasy.api.name"] == ["a.b"]
    str(event.fields["speakeasy.api.args"]).encode()


@pytest.mark.parametrize(
    ("head", "framing"),
    [
        (b'[{"ep_type": "module_entry"', "document"),
        (b'\xef\xbb\xbf [\n {\n  "apihash": "', "document"),
        (b"[", "document"),
        (b'{"path": "a.exe"', "json"),
        (b'[{"report_version": "5.0.0"', "json"),
        (b'[{"path": "a.exe"', "json"),
        (b"", "json"),
    ],
)
def test_a_list_of_entry_points_is_one_document(head: bytes, framing: str) -> None:
    assert SOURCE.framing_of(head) == framing


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (r"C:\Windows\system32" + "\\" + "a" * 64, "drive windows system32 sha256"),
        ("a" * 63, "a" * 63),
        (r"\\.\PHYSICALDRIVE0", "physicaldrive0"),
        (r"\\?\C:\x", "drive x"),
        (r"\\server01\c$\x", "net c x"),
        (r"c:\users\public\x", "drive users public x"),
        (r"%APPDATA%\omsecor.exe", "drive users user appdata roaming omsecor exe"),
        ("%nothing%", "nothing"),
        ("KERNEL32.DLL", "kernel32 dll"),
        ("command.com", "domain"),
        (r"c:\command.com", "drive command com"),
        ("169.254.169.254", "metadata"),
        ("999.1.1.1", "999 1 1 1"),
        ("1.2.3.4.5", "1 2 3 4 5"),
        ("http://8.8.8.8:80/x", "http public 80 x"),
        ("", ""),
    ],
)
def test_values(value: str, words: str) -> None:
    assert value_words(value) == words


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("0x1211FD8", "0x1210000"),
        ("0x140001dd0", "0x140000000"),
        *((code, code) for code in ("0xffff", "0x20019", "0xf003f", "0x1f0fff", "0xc0000005", "0x80070005", "0xffffffff")),
        (r"C:\0x1211fd8", "drive 0x1211fd8"),
    ],
)
def test_pointers_are_taken_to_their_region_and_codes_are_not(argument: str, words: str) -> None:
    assert argument_words(argument) == words


@pytest.mark.parametrize(("host", "words"), [("a.b.dll", "domain"), ("dc01", "dc01"), ("127.0.0.1", "loopback"), ("", "")])
def test_hosts(host: str, words: str) -> None:
    assert host_words(host) == words
