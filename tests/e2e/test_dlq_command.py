"""`logsentry dlq` as a person uses it after a run: look, mend, replay, throw away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LINE = '10.0.0.1 - - [19/May/2015:0%d:00:00 +0000] "GET /%d HTTP/1.1" 200 1 "-" "curl/7"\n'
CONFIG = """
inputs: [{use: files, paths: [web.log]}]
source: {use: http-access}
bundle: {store: store, name: demo}
exporters: [{use: ndjson, path: scores.ndjson, append: true}]
dead_letters: dead.ndjson
"""


def logsentry(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "logsentry", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder after a run in which two of five records could not be read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "job.yml").write_text(CONFIG)
    (tmp_path / "web.log").write_text("no line\n" + "".join(LINE % (hour, hour) for hour in range(3)) + "nor this\x1b[31m\n")
    done = logsentry("run", "job.yml", code=4)
    assert "2 records could not be read or stored; they are in dead.ndjson with the reason; see logsentry dlq list" in done.stderr
    return tmp_path


def test_list_show_replay_and_purge(here: Path) -> None:
    listed = logsentry("dlq", "list", "--file", "dead.ndjson").stdout
    assert "web.log:1" in listed
    assert "2 dead letters, 2 of them can be replayed" in listed
    found = json.loads(logsentry("dlq", "list", "--file", "dead.ndjson", "--json").stdout)
    assert [(each["line"], each["attempts"], each["replayable"]) for each in found] == [(1, 1, True), (5, 1, True)]
    shown = logsentry("dlq", "show", found[1]["id"][:12], "--file", "dead.ndjson").stdout
    assert json.loads(shown)["record"] == "nor this\x1b[31m"
    assert "\x1b" not in shown
    done = logsentry("dlq", "replay", "job.yml", "--id", found[0]["id"], code=4)
    assert "read 1 = scored 0 + filtered 0 + dead-lettered 1" in done.stderr
    tried = json.loads(logsentry("dlq", "list", "--file", "dead.ndjson", "--json").stdout)
    assert [each["attempts"] for each in tried] == [2, 1]
    assert "1 dead letters were thrown away" in logsentry("dlq", "purge", found[0]["id"], "--yes", "--file", "dead.ndjson").stderr
    assert "1 dead letters were thrown away" in logsentry("dlq", "purge", "--all", "-y", "--file", "dead.ndjson").stderr
    assert (here / "dead.ndjson").read_bytes() == b""


def test_what_is_wrong_is_one_sentence(here: Path) -> None:
    assert "there is no file of dead letters at none" in logsentry("dlq", "list", "--file", "none", code=2).stderr
    assert (
        "no dead letter has the id 'ffffffffffff'"
        in logsentry("dlq", "show", "ffffffffffff", "--file", "dead.ndjson", code=2).stderr
    )
    assert "or --all" in logsentry("dlq", "purge", "--file", "dead.ndjson", code=2).stderr
    assert "something else than dead letters" in logsentry("dlq", "list", "--file", "web.log", code=1).stderr
    kept = (here / "dead.ndjson").read_bytes()
    assert logsentry("dlq", "purge", "--all", "--file", "dead.ndjson", code=1).stdout == ""  # nobody answers the question
    assert (here / "dead.ndjson").read_bytes() == kept
