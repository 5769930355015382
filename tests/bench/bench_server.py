"""The model server under load from a second process on loopback: batching, its overhead over onnxruntime, and two other servers.

    python tests/bench/bench_server.py [--quick]        # LOGSENTRY_BENCH_PEERS=DIR says where the peers' environments are, or are made

The model is the one of the demo, nine LogBERT members in one ONNX file, over one session with one thread; no window is known to a
table. Requests are in turn, from the shipped access logs: sessions of one event (3 ids, the commonest), windows of ten events (12 ids), or
sessions as they come (3 to 66 ids, so that a batch is of many lengths).

- *batching*: 64 clients with one window each, as JSON, against a server of the same with a largest batch of 1. Target: 4 times the
  requests a second, the 99th percentile no worse.
- *overhead*: the server notes which arrays it ran its session on while it was under load; then the same calls are run alone. The ratio
  is their wall time to that of the load; 1 / 1.15 is the target. Besides: the share of the load in which the session was at work, and
  CPU time beyond the session's own. One window a request, and 256, as jobs and `logsentry client` send them.
- *peers*: MLServer and mosec with the same scorer over the same file; both batch adaptively. Ours has to answer more requests a second,
  its 99th percentile no worse. mosec is also asked with a handler that runs the bare session and leaves out evidence, vote, reasons and
  calibration; that has no target, since it answers something else.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.append(str(Path(__file__).parents[1]))

import server_peers
from server_overhead import overhead
from server_requests import Window, as_json, in_turn, sessions, sliding
from server_rounds import Asked, Pace, compared, in_rounds, same_answers, shown
from services.model_server import serving, store_in

from logsentry.pipeline.finding import DEMO_BUNDLE
from logsentry.scoring.scorer import Options, Scorer
from logsentry.store.verified import read

QUICK = "--quick" in sys.argv[1:]
PACE = Pace(1.0, 1) if QUICK else Pace(3.0, 3)
MANY, FEW, EACH = 64, 8, 256
"""Clients with one window a request, clients with many, and how many those send."""

BATCHING, AHEAD = 4.0, 1.0


def workload() -> dict[str, list[Window]]:
    """Windows by what they are called; each kind is in order of time."""
    whole = sessions(Scorer(read(DEMO_BUNDLE, "demo"), Options(table=0)))
    return {"one event": [window for window in whole if len(window) == 3], "ten events": sliding(whole), "sessions": whole}


def batching(store: Path, windows: Mapping[str, list[Window]]) -> None:
    with ExitStack() as stack:
        on = stack.enter_context(serving(store, "--table", "0"))
        off = stack.enter_context(serving(store, "--table", "0", "--batch", "1"))
        servers = {"batching on": Asked(on.port), "batching off": Asked(off.port)}
        for name, some in windows.items():
            same_answers(servers, some, 1)
            asked = in_turn(some, 1)
            found = in_rounds(servers, MANY, PACE, lambda path, asked=asked: [as_json(path, one) for one in asked])
            compared(f"batching on to off, {MANY} clients, {name}", found["batching on"], found["batching off"], BATCHING)
            shown(found)


def peers(store: Path, windows: list[Window]) -> None:
    plans = ((MANY, 1, MANY), (FEW, EACH, 2))  # clients, windows a request, requests a peer may put together
    for clients, each, batch in plans[:1] if QUICK else plans:
        with ExitStack() as stack:
            servers = {
                "logsentry": Asked(stack.enter_context(serving(store, "--table", "0")).port),
                "mosec": Asked(stack.enter_context(server_peers.mosec(batch, DEMO_BUNDLE)), "/inference"),
                "MLServer": Asked(stack.enter_context(server_peers.mlserver(batch, DEMO_BUNDLE))),
            }
            same_answers(servers, windows, each)
            bare = stack.enter_context(server_peers.mosec(batch, DEMO_BUNDLE, bare=True))
            everybody = {**servers, "mosec around a bare session": Asked(bare, "/inference")}
            asked = in_turn(windows, each)
            found = in_rounds(everybody, clients, PACE, lambda path, asked=asked: [as_json(path, one) for one in asked])
        for name in ("mosec", "MLServer"):
            what = f"{name} {server_peers.PINNED[name.lower()]}, {clients} clients, {each} windows a request"
            compared(f"requests a second to {what}", found["logsentry"], found[name], AHEAD)
        shown(found)


def main() -> int:
    windows = workload()
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "store"
        store_in(store, 1)
        batching(store, windows)
        overhead(store, {kind: windows[kind] for kind in ("ten events", "sessions")}, MANY, FEW, EACH, PACE)
        peers(store, windows["ten events"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
