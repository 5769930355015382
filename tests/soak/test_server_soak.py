"""Half an hour of load with swaps, bad requests and clients that go away: memory and descriptors stay where they were.

LOGSENTRY_SOAK_SECONDS makes it shorter or longer; the bound on the slope is for the whole half hour.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from services.model_server import DEMO, NAME, Server, serving, store_in

from logsentry.store.bundles import Store

SECONDS = float(os.environ.get("LOGSENTRY_SOAK_SECONDS", "1800"))
SWAP_EVERY = 5.0
LOAD = Path(__file__).parents[1] / "services" / "load.py"
LINES = gzip.decompress((DEMO.parent / "logs" / "attacks.log.gz").read_bytes())
MB = 1 << 20


def churned(server: Server, dice: random.Random) -> None:
    """One request that is not like the load's: raw logs, something wrong, or a client that goes away in the middle."""
    kind = dice.randrange(5)
    if kind == 0:
        lines = LINES.splitlines(keepends=True)
        assert server.ask("POST", "/v1/score/http-access", b"".join(dice.choices(lines, k=100))).status == 200
    elif kind == 1:
        assert server.ask("POST", f"/v2/models/{NAME}/infer", dice.randbytes(500)).status == 400
    elif kind == 2:
        assert server.ask("GET", f"/v2/models/{dice.randrange(10**9)}").status == 404
    elif kind == 3:
        assert server.ask("GET", "/metrics").status == 200
    else:
        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            connection.sendall(
                f"POST /v2/models/{NAME}/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc".encode()
            )


@pytest.mark.soak
def test_memory_and_descriptors_stay_where_they_were(tmp_path: Path) -> None:
    store, dice = tmp_path / "store", random.Random(1)
    digests = store_in(store)
    with serving(store, "--table", "1000", "--control") as server:
        process = psutil.Process(server.process.pid)
        load = subprocess.Popen(
            [sys.executable, str(LOAD), str(server.port), NAME, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        began, swaps = time.monotonic(), 0
        seen: list[tuple[float, float, int, int]] = []
        while (passed := time.monotonic() - began) < SECONDS:
            if passed > swaps * SWAP_EVERY:
                swaps += 1
                Store(store).point(NAME, digests[swaps % 2])
            churned(server, dice)
            time.sleep(0.1)
            if passed > SECONDS / 5 and (not seen or passed - seen[-1][0] > 1):
                seen.append((passed, process.memory_info().rss / MB, process.num_fds(), process.num_threads()))
        said, _ = load.communicate(b"", timeout=60)
    told = json.loads(said)
    at, memory, descriptors, threads = np.array(seen).T
    slope = np.polyfit(at / 600, memory, 1)[0]
    third = len(descriptors) // 3
    print(
        f"{told['answered']:,} answers, {swaps} swaps, {memory[0]:.1f} to {memory[-1]:.1f} MB, slope {slope:.2f} MB in 10 minutes"
    )
    assert told["failed"] == []
    assert set(told["versions"]) == {digest[:12] for digest in digests}
    assert slope < max(1.0, 10 * 180 / SECONDS), f"{slope:.2f} MB in 10 minutes"
    assert np.median(descriptors[-third:]) <= np.median(descriptors[:third]) + 2
    assert threads.max() < 60
