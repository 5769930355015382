"""On the staged data: every Sysmon record of every EVTX is found, and what Sigma's rules ask for is in the events.

`sigma-fields.json` holds the names of the fields that each rule with a regression log asks for, as pySigma reads them from the rules of
SigmaHQ (Detection Rule License 1.1; commit in ORIGIN.md); the logs themselves are staged.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from evtx import PyEvtxParser
from logsentry_sysmon.source import Sysmon

from logsentry.sdk import BadRecord, Event, Filtered, Record

pytestmark = pytest.mark.data

RULES = json.loads((Path(__file__).parents[1] / "golden" / "sysmon" / "sigma-fields.json").read_text(encoding="utf-8"))
# Where this source puts the names that rules use; names that are not here stay below winlog.event_data.
PLACES: dict[str, tuple[str, ...]] = {
    "EventID": ("event.code",), "Channel": ("winlog.channel",), "Provider_Name": ("event.provider",), "Image": ("process.executable",),
    "SourceImage": ("process.executable",), "ParentImage": ("process.parent.executable",), "CommandLine": ("process.command_line",),
    "ParentCommandLine": ("process.parent.command_line",), "CurrentDirectory": ("process.working_directory",),
    "OriginalFileName": ("process.pe.original_file_name", "file.pe.original_file_name"),
    "Description": ("process.pe.description", "file.pe.description"), "Product": ("process.pe.product", "file.pe.product"),
    "Company": ("process.pe.company", "file.pe.company"), "FileVersion": ("process.pe.file_version", "file.pe.file_version"),
    "ImageLoaded": ("file.path",), "TargetFilename": ("file.path",), "TargetObject": ("registry.path",),
    "Hashes": ("process.hash.md5", "process.hash.sha1", "process.hash.sha256", "process.pe.imphash", "file.hash.md5",
               "file.hash.sha1", "file.hash.sha256", "file.pe.imphash"),
    "User": ("user.name",), "Signed": ("file.code_signature.exists",), "SignatureStatus": ("file.code_signature.status",),
    "Signature": ("file.code_signature.subject_name",), "DestinationIp": ("destination.ip",), "QueryName": ("dns.question.name",),
}  # fmt: skip


def logs(data: Path) -> list[Path]:
    return sorted((data / "siem" / "sysmon").rglob("*.evtx.gz"))


def raw(log: bytes) -> Iterator[dict[str, Any]]:
    """Sysmon's records of a whole file, as the `evtx` package reads them without a child process."""
    records = PyEvtxParser(io.BytesIO(log), number_of_threads=1).records_json()
    while True:
        try:
            event = orjson.loads(next(records)["data"])["Event"]
        except StopIteration:
            return
        except RuntimeError:
            continue
        if event["System"]["Provider"]["#attributes"]["Name"] == "Microsoft-Windows-Sysmon":
            yield event


def decoded(source: Sysmon, log: bytes) -> list[Event]:
    found: list[Event] = []
    for at in range(4096, len(log), 65536):
        try:
            events = source.decode(Record(log[:4096] + log[at : at + 65536], "log", "log", at, {}))
        except BadRecord:
            continue
        found += () if isinstance(events, Filtered) else events
    return found


def test_every_sound_record_of_every_log_is_found(data: Path) -> None:
    source = Sysmon(Sysmon.Config())
    for path in logs(data):
        log = gzip.decompress(path.read_bytes())
        events = decoded(source, log)
        assert [event.fields["winlog.record_id"] for event in events] == [
            str(event["System"]["EventRecordID"]) for event in raw(log)
        ], path.name
        assert len({event.id for event in events}) == len(events)


def test_what_rules_ask_for_is_there(data: Path) -> None:
    source, asked = Sysmon(Sysmon.Config()), 0
    for path in logs(data):
        if (rule := RULES.get(path.name.partition(".")[0])) is None:
            continue
        log = gzip.decompress(path.read_bytes())
        for event, told in zip(decoded(source, log), raw(log), strict=True):
            values = told["EventData"] | {"EventID": told["System"]["EventID"]}
            for name in set(rule["fields"]) & {name for name, value in values.items() if value not in (None, "", "-")}:
                asked += 1
                places = PLACES.get(name, ("winlog.event_data." + name,))
                assert any(place in event.fields for place in places), f"{rule['title']} asks for {name}"
                if name not in ("Hashes", "Signed", "User"):
                    assert str(values[name]) in [str(event.fields[place]) for place in places if place in event.fields]
    assert asked > 300


@pytest.mark.parametrize(
    "name", ["sysmon", "security_bad_string_cache", "new-user-security", "issue_201", "Application_no_crc32"]
)
def test_damaged_logs_raise_nothing_but_bad_records(data: Path, name: str) -> None:
    log = gzip.decompress((data / "siem/sysmon/robustness/evtx-crate" / f"{name}.evtx.gz").read_bytes())
    source = Sysmon(Sysmon.Config())
    for cut in (len(log), len(log) - 40_000, 9000, 4096 + 512):
        decoded(source, log[:cut])
    zapped = bytearray(log)
    zapped[4096 + 600 : 4096 + 1400] = b"\xff" * 800
    decoded(source, bytes(zapped))
