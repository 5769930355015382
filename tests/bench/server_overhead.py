"""What the server costs beyond onnxruntime: its batches under load, and the same calls alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec
import ratios
from server_load import Told, load
from server_recorded import RECORD, Replayed
from server_requests import Window, as_binary, as_json, in_turn
from server_rounds import INFER, Pace
from services.model_server import serving

TARGET = round(1 / 1.15, 3)
SCRIPT = Path(__file__).with_name("server_recorded.py")


class Plan(NamedTuple):
    """What is asked, by how many clients."""

    name: str
    clients: int
    requests: Sequence[bytes]


class Loaded(NamedTuple):
    """A load on the server and the CPU seconds that the server took for it."""

    plan: Plan
    told: Told
    cpu: float


def overhead(store: Path, windows: Mapping[str, list[Window]], many: int, few: int, each: int, pace: Pace) -> None:
    """One window a request from many clients, as JSON; `each` of them a request from few clients, in binary tensors."""
    plans = [
        Plan(f"one window a request, {name}", many, [as_json(INFER, one) for one in in_turn(some, 1)])
        for name, some in windows.items()
    ]
    plans += [
        Plan(f"{each} windows a request, {name}", few, [as_binary(INFER, one) for one in in_turn(some, each)])
        for name, some in windows.items()
        if len(some) >= each
    ]
    record = store.with_name("calls.npz")
    loads = loaded(store, record, plans, pace)
    for plan in plans:
        tell(plan.name, [(each, alone(record, each.told)) for each in loads if each.plan is plan])


def loaded(store: Path, record: Path, plans: Sequence[Plan], pace: Pace) -> list[Loaded]:
    found = []
    with serving(store, "--table", "0", environment={RECORD: str(record)}, script=SCRIPT) as server:
        for plan in plans:
            load(server.port, plan.clients, pace.seconds / 4, plan.requests)
            for _ in range(pace.rounds):
                before = cpu_of(server.process.pid)
                told = load(server.port, plan.clients, pace.seconds, plan.requests)
                found.append(Loaded(plan, told, cpu_of(server.process.pid) - before))
        if server.stop():
            raise SystemExit("the server did not end in order")
    return found


def alone(record: Path, told: Told) -> Replayed:
    command = [sys.executable, str(SCRIPT), "replay", str(record), str(told.began), str(told.drained)]
    return msgspec.json.decode(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout, type=Replayed)


def tell(name: str, rounds: Sequence[tuple[Loaded, Replayed]]) -> None:
    """Medians over the rounds: a replay that met a busy machine would flatter the server, a load that did would shame it."""
    rounds = [each for each in rounds if each[1].calls]
    if not rounds:
        print(f"onnxruntime alone to the server, {name}: not measured: the machine was too busy for a single call")
        return
    ratio = median(replayed.wall / replayed.span for _, replayed in rounds)
    busy = median(replayed.served / replayed.span for _, replayed in rounds)
    cpu = median(loaded.cpu / replayed.cpu - 1 for loaded, replayed in rounds)
    batch = median(replayed.windows / replayed.calls for _, replayed in rounds)
    ratios.told(f"onnxruntime alone to the server, {name}", ratio, TARGET, f"overhead {1 / ratio - 1:.0%} of wall time")
    print(f"  session at work {busy:.0%} of the time; {cpu:.0%} more CPU than it alone; {batch:.0f} windows a call", flush=True)


def cpu_of(process: int) -> float:
    """User and system seconds (Linux, proc(5): fields 14 and 15 of `stat`)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
