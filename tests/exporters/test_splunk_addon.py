"""The add-on: what Splunk's own checker says of it, and that its files agree with what the exporter writes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from configparser import ConfigParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from logsentry_splunk.addon import NAME, contents, packed, write
from logsentry_splunk.connection import SplunkConfig
from logsentry_splunk.events import events_of

from logsentry.testing.exporter_contract import scored

ROOT = Path(__file__).parents[2]
CHECKER = shutil.which("splunk-appinspect") or str(ROOT / ".venv-appinspect" / "bin" / "splunk-appinspect")


def test_splunk_finds_nothing_to_refuse(tmp_path: Path) -> None:
    if not os.access(CHECKER, os.X_OK):
        pytest.skip("splunk-appinspect is not installed; `make services` installs it")
    _, archive = write(tmp_path)
    done = subprocess.run([CHECKER, "inspect", str(archive), "--mode", "precert"], capture_output=True, text=True, check=False)
    summary = dict(re.findall(r"^\s*(error|failure|future_failure|warning|success):\s*(\d+)$", done.stdout, re.MULTILINE))
    assert int(summary["success"]) > 50, done.stdout
    assert {summary["error"], summary["failure"], summary["future_failure"], summary["warning"]} == {"0"}, done.stdout


def conf(name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(contents()[f"default/{name}.conf"].decode())
    return parser


def test_every_sourcetype_that_is_written_is_read() -> None:
    written = {
        kind.decode()
        for item in (scored(9),)
        for kind in re.findall(rb'"sourcetype":"([^"]+)"', bytes(events_of(item, SplunkConfig(""))))
    }
    assert written == {"logsentry:score", "logsentry:alert"}
    assert written == set(conf("props").sections())


def test_every_macro_that_is_used_is_there() -> None:
    known = set(conf("macros").sections())
    used = {name for data in contents().values() for name in re.findall(rb"`(logsentry_\w+)`", data)}
    assert {name.decode() for name in used} <= known
    assert {"logsentry_scores", "logsentry_alerts"} <= {name.decode() for name in used}
    assert all("dedup logsentry.id" in conf("macros")[name]["definition"] for name in ("logsentry_scores", "logsentry_alerts"))


def test_the_dashboard_is_xml_and_the_search_that_alerts_is_off_until_somebody_wants_it() -> None:
    assert ElementTree.fromstring(contents()["default/data/ui/views/logsentry_scores.xml"]).tag == "form"
    scheduled = [section for section in conf("savedsearches").values() if section.get("enableSched") == "1"]
    assert scheduled
    assert all(section["disabled"] == "1" for section in scheduled)


def test_the_archive_is_the_same_whoever_makes_it(tmp_path: Path) -> None:
    folder, archive = write(tmp_path)
    with tarfile.open(archive) as tar:
        names = {entry.name for entry in tar if entry.isfile()}
        assert {(entry.uid, entry.mtime) for entry in tar} == {(0, 0)}
    assert names == {f"{NAME}/{path}" for path in contents()}
    assert all(not part.startswith(".") for name in names for part in name.split("/"))
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(contents())
    assert b"@VERSION@" not in b"".join(contents().values())
    assert packed() == archive.read_bytes()
