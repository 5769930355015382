"""SIGTERM under load: the pass ends in order with exit code 0, and what later passes add makes the store whole."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

import logsentry

DAY = Path(logsentry.__file__).parent / "demo" / "logs" / "ordinary-2015-05-19.log.gz"
STOPS = 3


def stored(path: Path) -> list[tuple[str, ...]]:
    with duckdb.connect(str(path), read_only=True) as store:
        rows = store.execute("SELECT score, list(id ORDER BY position) FROM events GROUP BY score ORDER BY score").fetchall()
    return [(score, *events) for score, events in rows]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`logsentry score` over some seconds of log, into a store."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    lines = gzip.decompress(DAY.read_bytes()).splitlines(keepends=True)
    (tmp_path / "access.log").write_bytes(
        b"".join(b"10.%d.%d." % divmod(copy, 250) + line for copy in range(5) for line in lines)
    )
    return [sys.executable, "-m", "logsentry", "score", "--bundle", "demo", str(tmp_path / "access.log")]


def begun(command: list[str], state: Path) -> subprocess.Popen[str]:
    """The command, as soon as it holds its state folder: until then a signal ends it as any process."""
    before = (state / "lock").read_bytes() if (state / "lock").exists() else b""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if (state / "lock").exists() and (state / "lock").read_bytes() not in (b"", before):
            break
        time.sleep(0.005)
    return process


def test_stopped_and_resumed_it_stores_the_same(command: list[str], tmp_path: Path) -> None:
    state = tmp_path / "state"
    resumed = [*command, "--state", str(state), "--to", f"duckdb:{tmp_path / 'scores.duckdb'}"]
    open_at_the_end = 0
    for number in range(STOPS):
        process = begun(resumed, state)
        time.sleep(0.05 + 0.15 * number)
        process.send_signal(signal.SIGTERM)
        sent = time.monotonic()
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 0, said
        assert time.monotonic() - sent < 20
        books = re.search(r"^read .*$", said, re.MULTILINE)
        assert books, said
        assert "≠" not in books[0]
        open_at_the_end += "open" in books[0] and "it was asked to stop; the next run goes on from here" in said
    assert open_at_the_end, "every pass ended before it was stopped: the log is too short for this machine"
    done = subprocess.run(resumed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    whole = [*command, "--to", f"duckdb:{tmp_path / 'whole.duckdb'}"]
    subprocess.run(whole, capture_output=True, check=True)
    assert stored(tmp_path / "scores.duckdb") == stored(tmp_path / "whole.duckdb")


def test_an_input_that_waits_is_ended_too(tmp_path: Path) -> None:
    state = tmp_path / "state"
    process = subprocess.Popen(
        [sys.executable, "-m", "logsentry", "score", "--bundle", "demo", "-", "--state", str(state)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write('10.0.0.1 - - [19/May/2015:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "curl/7"\n')
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while not (state / "lock").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 0, said
    assert re.search(r"^read \d = .* \+ open \d$", said, re.MULTILINE), said


def test_two_at_once_are_refused_at_once(command: list[str], tmp_path: Path) -> None:
    resumed = [*command, "--state", str(tmp_path / "state")]
    process = begun(resumed, tmp_path / "state")
    second = subprocess.run(resumed, capture_output=True, text=True, check=False)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[1]
    assert second.returncode == 1
    assert f"another run (process {process.pid}) uses the state folder" in second.stderr
