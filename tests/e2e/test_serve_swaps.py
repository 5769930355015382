"""Twenty swaps under load from a second process: no request fails, every answer is one of the two bundles', and memory comes back."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from services.model_server import NAME, Server, serving, store_in

from logsentry.store.bundles import Store

SWAPS = 20
LOAD = Path(__file__).parents[1] / "services" / "load.py"


def swapped(server: Server, digest: str) -> None:
    deadline = time.monotonic() + 30
    while server.version() != digest[:12]:
        assert time.monotonic() < deadline, "the server does not follow the store"
        time.sleep(0.05)


def resident(server: Server) -> int:
    rss: int = psutil.Process(server.process.pid).memory_info().rss
    return rss


def test_no_request_fails_during_twenty_swaps(tmp_path: Path) -> None:
    store = tmp_path / "store"
    digests = store_in(store)
    with serving(store, "--table", "0", "--control") as server:
        for digest in digests[::-1]:  # both were in memory once before memory is measured
            Store(store).promote(NAME, digest)
            swapped(server, digest)
        gc.collect()
        before, opened = resident(server), psutil.Process(server.process.pid).num_fds()
        load = subprocess.Popen(
            [sys.executable, str(LOAD), str(server.port), NAME, "4"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for number in range(SWAPS):
            if number % 2:
                Store(store).rollback(NAME)
            else:
                Store(store).promote(NAME, digests[1])
            if number % 10:  # else it follows the store by itself, which takes two seconds
                assert server.ask("POST", f"/v2/repository/models/{NAME}/load").status == 200
            swapped(server, digests[(number + 1) % 2])
        said, _ = load.communicate(b"", timeout=60)
        told = json.loads(said)
        assert told["failed"] == []
        assert told["answered"] > 100
        assert set(told["versions"]) == {digest[:12] for digest in digests}
        deadline = time.monotonic() + 20
        while psutil.Process(server.process.pid).num_fds() > opened and time.monotonic() < deadline:
            time.sleep(0.2)
        assert psutil.Process(server.process.pid).num_fds() <= opened
        assert psutil.Process(server.process.pid).num_threads() < 40
        assert resident(server) - before < 30 << 20, "what is not given back is some 7 MB a swap"
        assert [line for line in server.lines() if line["log.level"] != "info"] == []


def test_a_refused_bundle_leaves_the_old_one_and_is_said_until_it_is_rolled_back(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first, second = store_in(store)
    with serving(store) as server:
        model = store / "bundles" / second / "model.onnx"
        data = bytearray(model.read_bytes())
        data[1000] ^= 255
        Store(store).point(NAME, second)
        model.write_bytes(data)
        deadline = time.monotonic() + 30
        while not (row := server.ask("POST", "/v2/repository/index").json()[0])["reason"] and time.monotonic() < deadline:
            time.sleep(0.1)
        if row["version"] == second[:12]:
            pytest.fail("the bundle was taken before it was damaged")
        assert (row["state"], row["version"]) == ("READY", first[:12])
        assert "SHA-256 differs" in row["reason"]
        assert str(store) not in row["reason"]
        assert b"logsentry_models_refused 1.0" in server.ask("GET", "/metrics").body
        assert server.infer([[3, 5, 4]]).status == 200
        Store(store)._write_history(NAME, [second, first])
        deadline = time.monotonic() + 30
        while server.ask("POST", "/v2/repository/index").json()[0]["reason"] and time.monotonic() < deadline:
            time.sleep(0.1)
        assert server.ask("POST", "/v2/repository/index").json()[0]["reason"] == ""
