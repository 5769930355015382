"""`logsentry state`: what it says of a run's folder, whole and damaged, and what `run` does before and after the repair."""

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
exporters: [{use: duckdb, path: scores.duckdb}]
state: state
"""


def more(folder: Path, *hours: int) -> None:
    with (folder / "web.log").open("a") as log:
        log.writelines(LINE % (hour, hour) for hour in hours)


@pytest.fixture
def here(commands: Passes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder after two runs of two records each."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yml").write_text(CONFIG)
    for hours in ((0, 1), (2, 3)):
        more(tmp_path, *hours)
        assert "read 2 = scored 2" in commands.ended("run", "job.yml").err
    return tmp_path


def test_one_damaged_generation_is_told_mended_and_costs_a_duplicate(commands: Passes, here: Path) -> None:
    (here / "empty").mkdir()
    assert "there is no state in empty" in commands.ended("state", "check", "empty", code=2).err
    assert "nothing is damaged" in commands.ended("state", "repair", "state").err
    assert "state/0-files: whole (save 5" in commands.ended("state", "check", "job.yml").out
    newest = here / "state" / "0-files" / "checkpoint-a.json"
    newest.write_bytes(newest.read_bytes()[:-3])
    said = commands.ended("state", "check", "state", code=1).out
    assert "checkpoint-a.json is damaged or cut off" in said
    assert "a repair would cost: it goes on from save 4" in said
    [found] = json.loads(commands.ended("state", "check", "job.yml", "--json", code=1).out)
    assert (found["verdict"], found["saves"]) == ("damaged", 4)
    assert "is kept as checkpoint-a.json.damaged" in commands.ended("state", "repair", "job.yml").err
    assert "whole" in commands.ended("state", "check", "job.yml").out
    more(here, 4)
    assert "read 3 = scored 1 + duplicate 2 + filtered 0 + dead-lettered 0" in commands.ended("run", "job.yml").err


def test_nothing_whole_is_never_taken_for_the_start(commands: Passes, here: Path) -> None:
    for name in ("checkpoint-a.json", "checkpoint-b.json"):
        (here / "state" / "0-files" / name).write_bytes(bytes(200))
    assert "remove state/0-files to read from the start" in commands.ended("run", "job.yml", code=1).err
    assert "nothing says where to go on; with --from-start" in commands.ended("state", "repair", "job.yml", code=1).err
    assert "every record is read again" in commands.ended("state", "repair", "job.yml", "--from-start").err
    assert "read 4 = scored 0 + duplicate 4" in commands.ended("run", "job.yml").err
