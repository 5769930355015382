"""A pass that is killed anywhere and started again stores what an undisturbed pass stores: nothing lost, nothing twice."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb

import logsentry

DAY = Path(logsentry.__file__).parent / "demo" / "logs" / "ordinary-2015-05-19.log.gz"
KILLS = 6


def test_killed_and_resumed_it_stores_the_same(tmp_path: Path) -> None:
    lines = gzip.decompress(DAY.read_bytes()).splitlines(keepends=True)
    log = tmp_path / "access.log"
    log.write_bytes(b"".join(b"10.%d.%d." % divmod(copy, 250) + line for copy in range(8) for line in lines))
    command = [sys.executable, "-m", "logsentry", "score", "--bundle", "demo", str(log), "--state", str(tmp_path / "state")]
    command += ["--to", f"duckdb:{tmp_path / 'scores.duckdb'}", "--dead-letters", str(tmp_path / "dead.ndjson")]
    chance, killed = random.Random(7), 0
    for _ in range(KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, 2.0))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed, "every pass ended before it was killed: the log is too short for this machine"
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr.decode()
    assert stored(tmp_path / "scores.duckdb") == undisturbed(log, tmp_path)


def stored(path: Path) -> list[tuple[str, ...]]:
    """(score id, event ids …) of every window in a store, sorted."""
    with duckdb.connect(str(path), read_only=True) as store:
        rows = store.execute("SELECT score, list(id ORDER BY position) FROM events GROUP BY score ORDER BY score").fetchall()
    return [(score, *events) for score, events in rows]


def undisturbed(log: Path, folder: Path) -> list[tuple[str, ...]]:
    store = folder / "undisturbed.duckdb"
    command = [sys.executable, "-m", "logsentry", "score", "--bundle", "demo", str(log), "--to", f"duckdb:{store}"]
    subprocess.run(command, capture_output=True, check=True)
    return stored(store)
