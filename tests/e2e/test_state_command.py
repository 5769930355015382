"""`logsentry state`: what it says of a run's folder, whole and damaged, and what `run` does before and after the repair."""

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
exporters: [{use: duckdb, path: scores.duckdb}]
state: state
"""


def logsentry(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "logsentry", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def more(folder: Path, *hours: int) -> None:
    with (folder / "web.log").open("a") as log:
        log.writelines(LINE % (hour, hour) for hour in hours)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder after two runs of two records each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "job.yml").write_text(CONFIG)
    for hours in ((0, 1), (2, 3)):
        more(tmp_path, *hours)
        assert "read 2 = scored 2" in logsentry("run", "job.yml").stderr
    return tmp_path


def test_one_damaged_generation_is_told_mended_and_costs_a_duplicate(here: Path) -> None:
    (here / "empty").mkdir()
    assert "there is no state in empty" in logsentry("state", "check", "empty", code=2).stderr
    assert "nothing is damaged" in logsentry("state", "repair", "state").stderr
    assert "state/0-files: whole (save 2" in logsentry("state", "check", "job.yml").stdout
    newest = here / "state" / "0-files" / "checkpoint-b.json"
    newest.write_bytes(newest.read_bytes()[:-3])
    said = logsentry("state", "check", "state", code=1).stdout
    assert "checkpoint-b.json is damaged or cut off" in said
    assert "a repair would cost: it goes on from save 1" in said
    [found] = json.loads(logsentry("state", "check", "job.yml", "--json", code=1).stdout)
    assert (found["verdict"], found["saves"]) == ("damaged", 1)
    assert "is kept as checkpoint-b.json.damaged" in logsentry("state", "repair", "job.yml").stderr
    assert "whole" in logsentry("state", "check", "job.yml").stdout
    more(here, 4)
    assert "read 3 = scored 1 + duplicate 2 + filtered 0 + dead-lettered 0" in logsentry("run", "job.yml").stderr


def test_nothing_whole_is_never_taken_for_the_start(here: Path) -> None:
    for name in ("checkpoint-a.json", "checkpoint-b.json"):
        (here / "state" / "0-files" / name).write_bytes(bytes(200))
    assert "remove state/0-files to read from the start" in logsentry("run", "job.yml", code=1).stderr
    assert "nothing says where to go on; with --from-start" in logsentry("state", "repair", "job.yml", code=1).stderr
    assert "every record is read again" in logsentry("state", "repair", "job.yml", "--from-start").stderr
    assert "read 4 = scored 0 + duplicate 4" in logsentry("run", "job.yml").stderr
