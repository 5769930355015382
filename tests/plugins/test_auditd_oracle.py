"""Against others' reading of the same lines: ausearch, go-libaudit and laurel, on the logs that LOGSENTRY_DATA holds."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
from pathlib import Path

import pytest
from logsentry_auditd.source import Auditd

from logsentry.sdk import Event, Record
from logsentry.testing import record_of

DATA = Path(os.environ.get("LOGSENTRY_DATA", Path(__file__).parents[3] / "shared" / "data")) / "siem" / "auditd"
ORACLE = sorted((DATA / "oracle-ausearch").glob("*.csv.gz"))
pytestmark = [pytest.mark.data, pytest.mark.skipif(not ORACLE, reason="LOGSENTRY_DATA names no folder with siem/auditd")]

# What ausearch 3.0.9 calls an action that auditbeat, whose words ours are, calls otherwise.
SAME_ACTION = {
    "accessed-mac-policy-controlled-object": "violated-selinux-policy",
    "entered-promiscuous-mode-on-device": "changed-promiscuous-mode-on-device",
    "triggered-audit-rule": "syscall",  # a call that neither side has a word for, caught by a rule with a key
}
TOLD_APART = {"did-unknown", "triggered-unknown-audit-rule", ""}  # a second row for records of an event that it could not name
LEFT_OUT = {"violated-apparmor-policy"}  # ausearch 3.0.9 drops an AVC record that AppArmor wrote when it stands alone
MISREAD = (
    "laurel__record-weblogic"  # a forwarder put quotes around all values; ausearch takes "yes" in quotes for no, laurel does not
)
SAME_RESULT = {"success": "success", "failed": "failure"}


def events_of(data: bytes) -> list[Event]:
    joiner = Auditd(Auditd.Config()).joiner()
    records = [Record(line, "x", "x", at, {}) for at, line in enumerate(data.splitlines())]
    return [e for r in records for done in joiner.feed(r) for e in done.events] + [e for d in joiner.flush() for e in d.events]


def log_of(oracle: Path, ending: str) -> Path:
    folder, _, name = oracle.name.removesuffix(ending).partition("__")
    return next(path for path in (DATA / "vectors" / folder / name, DATA / "attack" / folder / name) if path.exists())


@pytest.mark.parametrize("oracle", ORACLE, ids=lambda path: path.name)
def test_ids_actions_and_results_are_those_of_ausearch(oracle: Path) -> None:
    ours: dict[tuple[int, int], list[Event]] = {}
    for event in events_of(log_of(oracle, ".csv.gz").read_bytes()):
        ours.setdefault((int(str(event.fields["auditd.sequence"])), (event.time or 0) // 10**6 % 1000), []).append(event)
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(oracle.read_bytes()).decode())))
    rows = [row for row in rows if row["SERIAL_NUM"] != "0"]  # ausearch makes an event of comment lines
    theirs = {(int(row["SERIAL_NUM"]), int(row["MILLI"])) for row in rows}
    assert theirs <= set(ours)
    assert {event.fields["event.action"] for key in set(ours) - theirs for event in ours[key]} <= LEFT_OUT
    for row in rows:
        events = ours[int(row["SERIAL_NUM"]), int(row["MILLI"])]
        if row["ACTION"] not in TOLD_APART:
            assert SAME_ACTION.get(row["ACTION"], row["ACTION"]) in {event.fields["event.action"] for event in events}, row
        if row["RESULT"] in SAME_RESULT and not oracle.name.startswith(MISREAD):
            assert SAME_RESULT[row["RESULT"]] in {event.fields["event.outcome"] for event in events}, row


@pytest.mark.parametrize("oracle", sorted((DATA / "oracle-ausearch").glob("*.interpreted.gz")), ids=lambda path: path.name)
def test_interpreted_text_gives_the_events_of_the_raw_lines(oracle: Path) -> None:
    raw = events_of(log_of(oracle, ".interpreted.gz").read_bytes())
    interpreted = events_of(gzip.decompress(oracle.read_bytes()))
    by_id = {(e.time, e.fields["auditd.sequence"], e.fields["event.action"]): e for e in raw}
    found = {(e.time, e.fields["auditd.sequence"]) for e in interpreted}
    assert found <= {key[:2] for key in by_id}
    assert {key[2] for key in by_id if key[:2] not in found} <= LEFT_OUT
    for event in interpreted:
        whole = by_id.get((event.time, event.fields["auditd.sequence"], event.fields["event.action"]))
        for name in ("event.outcome", "process.pid", "process.executable", "auditd.data.syscall", "file.inode", "destination.ip"):
            if whole is not None and name in whole.fields and name in event.fields:
                assert event.fields[name] == whole.fields[name], name


GOLDEN = sorted((DATA / "vectors" / "go-libaudit-auparse").glob("*.golden"))
PLACES = {
    "pid": "process.pid", "ppid": "process.parent.pid", "exe": "process.executable", "cwd": "process.working_directory",
    "auid": "user.audit.id", "acct": "auditd.data.acct", "syscall": "auditd.data.syscall", "arch": "auditd.data.arch",
    "exit": "auditd.data.exit", "uid": "user.id", "name": "file.path", "inode": "file.inode", "comm": "process.name",
    "ses": "auditd.session", "cmd": "auditd.data.cmd", "addr": "source.address", "terminal": "user.terminal",
}  # fmt: skip


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_records_alone_have_the_values_of_go_libaudit(golden: Path) -> None:
    lines = [line for line in golden.with_suffix("").read_bytes().splitlines() if line.startswith(b"type=")]
    wanted = json.loads(golden.read_text(encoding="utf-8"))
    assert len(lines) == len(wanted)
    compared = 0
    for line, record in zip(lines, wanted, strict=True):
        [event] = Auditd(Auditd.Config()).decode(record_of(line))  # type: ignore[misc]
        assert event.fields["auditd.sequence"] == record["sequence"]
        assert event.fields["auditd.message_type"] == record["record_type"]
        for name, value in record["data"].items():
            place = PLACES.get(name)
            if (
                place is None
                or value in ("unset", "?", "(none)", "(null)")
                or (name == "uid" and record["record_type"] != "syscall")
            ):
                continue
            if name in ("auid", "name") and place not in event.fields:
                continue  # an AVC names an object that is no file; a LOGIN has two of them
            assert str(event.fields.get(place)) == value, (name, event.message)
            compared += 1
    assert compared >= 3


COALESCED = sorted((DATA / "vectors" / "go-libaudit-aucoalesce").glob("*.golden"))


def named_tests(text: str) -> dict[str, bytes]:
    """`{name: lines}` of the YAML beside a golden file, which is only names with a block of lines below each."""
    parts = re.split(r"(?m)^  (\S[^\n]*): \|\n", text)
    return {
        name: "\n".join(line.strip() for line in block.splitlines() if "audit(" in line).encode()
        for name, block in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.mark.parametrize("golden", COALESCED, ids=lambda path: path.name)
def test_joined_events_agree_with_go_libaudit(golden: Path) -> None:
    texts = named_tests(Path(str(golden).replace(".json.golden", ".yaml")).read_text(encoding="utf-8"))
    wanted = json.loads(golden.read_text(encoding="utf-8"))
    assert {one["test_name"] for one in wanted} == set(texts)
    for one in wanted:
        event, theirs = first(events_of(texts[one["test_name"]])), one["event"]
        assert event.fields["auditd.sequence"] == theirs["sequence"]
        assert event.fields["auditd.result"] == theirs["result"], one["test_name"]
        if "action" in theirs["summary"]:
            assert event.fields["event.action"] == theirs["summary"]["action"], one["test_name"]
        for name, place in (
            ("pid", "process.pid"),
            ("title", "process.title"),
            ("exe", "process.executable"),
            ("cwd", "process.working_directory"),
        ):
            if name in theirs["process"]:
                assert str(event.fields[place]) == theirs["process"][name], one["test_name"]
        for name in ("category", "type"):
            assert set(event.fields.get(f"event.{name}", ())) == set(theirs["ecs"]["event"].get(name) or ()), one["test_name"]
        if "path" in theirs.get("file", {}):
            assert event.fields["file.path"] == theirs["file"]["path"]
        for side, theirs_side in (("source", "source"), ("destination", "destination")):
            if "ip" in theirs.get(theirs_side, {}):
                assert event.fields[f"{side}.ip"] == theirs[theirs_side]["ip"]


def first(events: list[Event]) -> Event:
    return events[0]


LAUREL = sorted((DATA / "vectors" / "laurel").glob("*.json"))


@pytest.mark.parametrize("golden", LAUREL, ids=lambda path: path.name)
def test_laurel_json_gives_the_event_of_its_raw_lines(golden: Path) -> None:
    [ours] = events_of(golden.with_suffix(".txt").read_bytes())
    [theirs] = Auditd(Auditd.Config()).decode(record_of(golden.read_bytes().splitlines()[0]))  # type: ignore[misc]
    assert theirs.time == ours.time
    different = {name for name in {**ours.fields, **theirs.fields} if ours.fields.get(name) != theirs.fields.get(name)}
    assert different == set(), {name: (ours.fields.get(name), theirs.fields.get(name)) for name in different}


def test_every_staged_line_is_read() -> None:
    refused = 0
    for path in sorted((DATA / "vectors").rglob("*")):
        if path.suffix not in (".log", ".txt"):
            continue
        joiner = Auditd(Auditd.Config()).joiner()
        for at, line in enumerate(path.read_bytes().splitlines()):
            refused += sum(bool(done.bad) for done in joiner.feed(Record(line, "x", "x", at, {})))
        assert list(joiner.flush()) is not None
    assert refused == 0
