"""Load for a server from a process of its own: so many clients, each of which asks again as soon as it has its answer.

    python server_load.py PORT CLIENTS SECONDS FILE

FILE holds whole requests, each behind its length in four bytes, little-endian; they are sent in turn over keep-alive connections. One
thread over epoll with ready-made bytes costs some 40 µs a request, which no server here comes near. Prints one JSON object, `Told`.
"""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
SHOWN = 300
DRAIN_SECONDS = 60


class Told(msgspec.Struct, frozen=True):
    """How it went. Latencies are in seconds, the rest on the clock of `time.perf_counter`, which all processes of a machine share: answers
    counted from `began` to `ended`, and by `drained` the requests that were then under way had theirs as well."""

    answered: int
    failed: int
    first_failure: str
    p50: float
    p99: float
    began: float
    ended: float
    drained: float

    @property
    def a_second(self) -> float:
        return self.answered / (self.ended - self.began)


class Client:
    """One connection: what has come of its answer, how long that answer is, and when it was asked for."""

    __slots__ = ("asked", "connection", "got", "whole")

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got, self.whole, self.asked = b"", 0, 0.0

    def ask(self, request: bytes) -> None:
        self.got, self.whole, self.asked = b"", 0, time.perf_counter()
        self.connection.sendall(request)

    def answer(self) -> bytes:
        """The answer once it is whole, else nothing. Raises `ConnectionError` where the server hangs up."""
        part = self.connection.recv(1 << 20)
        if not part:
            raise ConnectionError("the server closed a connection")
        self.got = self.got + part if self.got else part
        if not self.whole:
            at = self.got.find(HEAD_END)
            if at < 0:
                return b""
            head = self.got[:at].lower()
            self.whole = at + len(HEAD_END) + int(head[head.index(LENGTH) + len(LENGTH) :].split(b"\r\n", 1)[0])
        return self.got if len(self.got) >= self.whole else b""


def run(port: int, clients: int, seconds: float, requests: Sequence[bytes]) -> Told:
    poll = select.epoll()
    every = {client.connection.fileno(): client for client in (Client(port) for _ in range(clients))}
    latencies: list[float] = []
    failures: list[bytes] = []
    turn, began = 0, time.perf_counter()
    for number, client in every.items():
        poll.register(number, select.EPOLLIN)
        client.ask(requests[turn % len(requests)])
        turn += 1
    now = began
    while now < began + seconds:
        for number, _ in poll.poll(1.0):
            client = every[number]
            if not (answer := client.answer()):
                continue
            latencies.append(time.perf_counter() - client.asked)
            if answer[9:12] != b"200":
                failures.append(answer[:SHOWN])
            client.ask(requests[turn % len(requests)])
            turn += 1
        now = time.perf_counter()
    drain(poll, every)
    return told(latencies, failures, began, now)


def drain(poll: select.epoll, every: Mapping[int, Client]) -> None:
    """Wait for what is under way: a server that still worked on it would be slow for whoever asks next."""
    left, until = dict(every), time.perf_counter() + DRAIN_SECONDS
    while left and time.perf_counter() < until:
        for number, _ in poll.poll(1.0):
            if number in left and left[number].answer():
                del left[number]


def told(latencies: list[float], failures: Sequence[bytes], began: float, ended: float) -> Told:
    ordered = sorted(latencies) or [ended - began]  # where nothing was answered, all that time was too little
    middle, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    first = failures[0].decode("latin-1") if failures else ""
    return Told(len(latencies), len(failures), first, middle, late, began, ended, time.perf_counter())


def load(port: int, clients: int, seconds: float, requests: Iterable[bytes]) -> Told:
    """Run it as a second process and wait. Raises `SystemExit` where a request failed: nothing then is worth its time."""
    with tempfile.NamedTemporaryFile(prefix="requests-") as file:
        for request in requests:
            file.write(len(request).to_bytes(4, "little") + request)
        file.flush()
        command = [sys.executable, __file__, str(port), str(clients), str(seconds), file.name]
        found = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    how = msgspec.json.decode(found, type=Told)
    if how.failed:
        raise SystemExit(f"{how.failed} of {how.answered} requests failed, the first with {how.first_failure}")
    return how


def framed(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


if __name__ == "__main__":
    asked = run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), framed(Path(sys.argv[4]).read_bytes()))
    sys.stdout.buffer.write(msgspec.json.encode(asked))
