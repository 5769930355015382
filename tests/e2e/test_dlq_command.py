"""`logsentry dlq` as a person uses it after a run: look, mend, replay, throw away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from services.passes import Passes

LINE = '10.0.0.1 - - [19/May/2015:0%d:00:00 +0000] "GET /%d HTTP/1.1" 200 1 "-" "curl/7"\n'
CONFIG = """
inputs: [{use: files, paths: [web.log]}]
source: {use: http-access}
bundle: {store: store, name: demo}
exporters: [{use: ndjson, path: scores.ndjson, append: true}]
dead_letters: dead.ndjson
"""


@pytest.fixture
def here(commands: Passes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder after a run in which two of five records could not be read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yml").write_text(CONFIG)
    (tmp_path / "web.log").write_text("no line\n" + "".join(LINE % (hour, hour) for hour in range(3)) + "nor this\x1b[31m\n")
    done = commands.ended("run", "job.yml", code=4)
    assert (
        "2 records could not be read or stored; they are in dead.ndjson with the reason; see logsentry dlq list --file dead.ndjson"
        in done.err
    )
    return tmp_path


def test_list_show_replay_and_purge(commands: Passes, here: Path) -> None:
    listed = commands.ended("dlq", "list", "--file", "dead.ndjson").out
    assert "web.log:1" in listed
    assert "2 dead letters, 2 of them can be replayed" in listed
    found = json.loads(commands.ended("dlq", "list", "--file", "dead.ndjson", "--json").out)
    assert [(each["line"], each["attempts"], each["replayable"]) for each in found] == [(1, 1, True), (5, 1, True)]
    shown = commands.ended("dlq", "show", found[1]["id"][:12], "--file", "dead.ndjson").out
    assert json.loads(shown)["record"] == "nor this\x1b[31m"
    assert "\x1b" not in shown
    done = commands.ended("dlq", "replay", "job.yml", "--id", found[0]["id"], code=4)
    assert "read 1 = scored 0 + filtered 0 + dead-lettered 1" in done.err
    tried = json.loads(commands.ended("dlq", "list", "--file", "dead.ndjson", "--json").out)
    assert [each["attempts"] for each in tried] == [2, 1]
    assert "1 dead letter was thrown away" in commands.ended("dlq", "purge", found[0]["id"], "--yes", "--file", "dead.ndjson").err
    assert "1 dead letter was thrown away" in commands.ended("dlq", "purge", "--all", "-y", "--file", "dead.ndjson").err
    assert (here / "dead.ndjson").read_bytes() == b""


def test_what_is_wrong_is_one_sentence(commands: Passes, here: Path) -> None:
    assert "there is no file of dead letters at none" in commands.ended("dlq", "list", "--file", "none", code=2).err
    assert (
        "no dead letter has the id 'ffffffffffff'"
        in commands.ended("dlq", "show", "ffffffffffff", "--file", "dead.ndjson", code=2).err
    )
    assert "or --all" in commands.ended("dlq", "purge", "--file", "dead.ndjson", code=2).err
    assert "something else than dead letters" in commands.ended("dlq", "list", "--file", "web.log", code=1).err
    kept = (here / "dead.ndjson").read_bytes()
    assert commands.ended("dlq", "purge", "--all", "--file", "dead.ndjson", code=1).out == ""  # nobody answers the question
    assert (here / "dead.ndjson").read_bytes() == kept
