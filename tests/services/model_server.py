"""A `logsentry serve` of the tests' own: a store with two bundles that differ only in what they say of themselves, and the process."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import logsentry
from logsentry.store.bundles import Store
from logsentry.store.manifest import Manifest
from logsentry.store.verified import read

DEMO = Path(logsentry.__file__).parent / "demo" / "bundle"
NAME = "web"
START_SECONDS = 60


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def store_in(folder: Path, copies: int = 2) -> list[str]:
    """A store whose name `web` points to the first of so many bundles; answers their digests."""
    return [add_bundle(folder, copy, point=copy == 0) for copy in range(copies)]


def add_bundle(folder: Path, copy: int, name: str = NAME, point: bool = True) -> str:
    """The demo's bundle, told apart by its seed; `point` lets the name point to it. Answers its digest."""
    store, demo = Store(folder), read(DEMO, "demo").manifest
    before = store.history(name)

    def described(files: Mapping[str, Any]) -> Manifest:
        return msgspec.structs.replace(demo, files=dict(files), seed=demo.seed + copy)

    with store.incoming() as incoming:
        for file in demo.files:
            shutil.copy(DEMO / file, incoming / file)
        digest = store.put(incoming, name, described).digest
    if not point and before:
        store.point(name, before[-1])
    return digest


class Server:
    """A process that serves, and one short connection for each request to it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, context: ssl.SSLContext | None) -> None:
        self.process, self.log, self._context = process, log, context
        self.port = 0

    def by(self, context: ssl.SSLContext | None) -> Server:
        """The same server, asked by a client that trusts something else."""
        other = Server(self.process, self.log, context)
        other.port = self.port
        return other

    def lines(self) -> list[dict[str, Any]]:
        """What it logged: every line has to be an object."""
        return [json.loads(line) for line in self.log.read_bytes().splitlines()]

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}: {self.log.read_text()}")
            for line in self.log.read_bytes().splitlines(keepends=True):
                if line.endswith(b"\n") and line.startswith(b"{") and "server.port" in (found := json.loads(line)):
                    self.port = found["server.port"]
                    return
            time.sleep(0.02)
        raise AssertionError(f"the server did not start: {self.log.read_text()}")

    def connect(self, seconds: float = 30) -> http.client.HTTPConnection:
        if self._context is not None:
            return http.client.HTTPSConnection("localhost", self.port, timeout=seconds, context=self._context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Any | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 30,
    ) -> Answer:
        """A body that is not bytes is sent as JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        with closing(self.connect(seconds)) as connection:
            connection.request(method, path, data, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def infer(self, ids: list[list[int]], name: str = NAME, **more: Any) -> Answer:
        tensor = {"name": "ids", "datatype": "INT64", "shape": [len(ids), len(ids[0])], "data": ids}
        return self.ask("POST", f"/v2/models/{name}/infer", {"inputs": [tensor], **more})

    def version(self, name: str = NAME) -> str:
        version: str = self.ask("GET", f"/v2/models/{name}").json()["versions"][0]
        return version

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(
    store: Path,
    *options: str | Path,
    environment: Mapping[str, str] | None = None,
    context: ssl.SSLContext | None = None,
    script: Path | None = None,
) -> Iterator[Server]:
    """A server that answers. `script` is run in place of the command line; it gets the same arguments."""
    log = store / "serve.log"
    program = [sys.executable, "-m", "logsentry"] if script is None else [sys.executable, str(script)]
    command = [*program, "serve", "--store", str(store), "--port", "0", *map(str, options)]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LOGSENTRY_")}
    with open(log, "wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr, env={**inherited, "OMP_NUM_THREADS": "1", **(environment or {})})
    server = Server(process, log, context)
    try:
        server.wait()
        yield server
    finally:
        process.kill()
        process.wait()
