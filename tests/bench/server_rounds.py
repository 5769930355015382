"""Servers under load in turn, whether they answer alike, and how that is told."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from server_load import Told, load
from server_requests import Window, as_json, in_turn
from services.model_server import NAME

INFER = f"/v2/models/{NAME}/infer"
CHECKED = 3
"""Requests whose answers are compared before anything is timed."""


class Asked(NamedTuple):
    """A server that listens: its port, and the address of inference."""

    port: int
    path: str = INFER


class Pace(NamedTuple):
    """How long each load lasts, in seconds, and how many there are of each server."""

    seconds: float
    rounds: int


class Best(NamedTuple):
    """Of several rounds the one with the most requests a second, and its 99th percentile in milliseconds."""

    a_second: float
    p99: float

    @classmethod
    def of(cls, rounds: Sequence[Told]) -> Best:
        best = max(rounds, key=lambda each: each.a_second)
        return cls(best.a_second, 1e3 * best.p99)


def in_rounds(
    servers: Mapping[str, Asked], clients: int, pace: Pace, requests: Callable[[str], Sequence[bytes]]
) -> dict[str, Best]:
    """All servers in turn, several times, so that a busy moment of the machine meets each of them."""
    every = {name: requests(server.path) for name, server in servers.items()}
    for name, server in servers.items():
        load(server.port, clients, pace.seconds / 4, every[name])
    found: dict[str, list[Told]] = {name: [] for name in servers}
    for _ in range(pace.rounds):
        for name, server in servers.items():
            found[name].append(load(server.port, clients, pace.seconds, every[name]))
    return {name: Best.of(rounds) for name, rounds in found.items()}


def same_answers(servers: Mapping[str, Asked], windows: Sequence[Window], each: int) -> None:
    """Raises `SystemExit` where two servers score differently."""
    for some in in_turn(windows, each)[:CHECKED]:
        answers = {name: values(server, as_json(server.path, some)) for name, server in servers.items()}
        first, *others = answers
        for other in others:
            if not np.allclose(answers[first], answers[other], atol=1e-5):
                raise SystemExit(f"{first} and {other} answer differently: {answers[first]} and {answers[other]}")


def values(server: Asked, request: bytes) -> list[np.ndarray]:
    """Value, p-value, threshold and verdict as a server answers them to a request in JSON."""
    head, _, body = request.partition(b"\r\n\r\n")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", head.split(b" ", 2)[1].decode(), body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"a request was answered with {answer.status}: {told[:300]!r}")
    return [np.array(output["data"], np.float64) for output in json.loads(told)["outputs"]]


def shown(found: Mapping[str, Best]) -> None:
    for name, best in found.items():
        print(f"  {name}: {best.a_second:,.1f} requests a second, p99 {best.p99:.0f} ms", flush=True)


def compared(name: str, ours: Best, theirs: Best, target: float) -> None:
    """More requests a second at no worse a 99th percentile: a ratio at a worse one counts as missed."""
    ratio, calm = ours.a_second / max(theirs.a_second, 1e-9), ours.p99 <= theirs.p99
    verdict = "ok" if ratio >= target and calm else "MISSED"
    print(f"{name}: ratio {ratio:.2f} (target >= {target:g}) {verdict} p99 {ours.p99:.0f} to {theirs.p99:.0f} ms", flush=True)
