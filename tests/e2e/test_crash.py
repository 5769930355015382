"""A pass that is killed anywhere and started again loses no event: every one ends in a stored window."""

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
import orjson

import logsentry

DAY = Path(logsentry.__file__).parent / "demo" / "logs" / "ordinary-2015-05-19.log.gz"
KILLS = 6


def test_killed_and_resumed_nothing_is_lost(tmp_path: Path) -> None:
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
    with duckdb.connect(str(tmp_path / "scores.duckdb"), read_only=True) as store:
        stored = {id_ for (id_,) in store.execute("SELECT DISTINCT id FROM events").fetchall()}
    decoded = subprocess.run([*command[:3], "decode", "--source", "http-access", str(log)], capture_output=True, check=True)
    assert stored == {orjson.loads(line)["event"]["id"] for line in decoded.stdout.splitlines()}
