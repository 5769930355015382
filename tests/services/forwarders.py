"""A real `logsentry serve --forward` in a process of its own, which may be killed and started again, and what it has scored."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import yaml

import logsentry
from logsentry.server.spool.records import Arrived

DAY = Path(logsentry.__file__).parent / "demo" / "logs" / "ordinary-2015-05-19.log.gz"
CLOSING = '203.0.113.9 - - [{}/May/2015:10:00:00 +0000] "GET /the-end HTTP/1.1" 200 5 "-" "curl/8"'


def lines(count: int) -> list[str]:
    """Different access-log lines in order of time: those of a day, under one, two … names of hosts."""
    day = list(dict.fromkeys(gzip.decompress(DAY.read_bytes()).decode().splitlines()))
    copies = -(-count // len(day))
    return [f"10.{copy}.0.{line}" if copy else line for line in day for copy in range(copies)][:count]


def configured(folder: Path, name: str = "web", bundle: str = "demo") -> Path:
    """A configuration that scores into `NAME.duckdb`; everything it needs is in the folder."""
    (folder / "store").mkdir(exist_ok=True)
    config = {
        "listen": {"name": name, "bulk": True, "spool": {"folder": str(folder / f"spool-{name}")}},
        "source": {"use": "http-access"},
        "bundle": {"store": str(folder / "store"), "name": bundle},
        "exporters": [{"use": "duckdb", "path": str(folder / f"{name}.duckdb")}],
        "state": str(folder / "state"),
        "dead_letters": str(folder / "dead"),
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def records(texts: Sequence[str]) -> list[Arrived]:
    return [Arrived(text.encode(), "test", "", 0) for text in texts]


class Served:
    """One server over one folder. The processes of all starts have the same spool, state and store of scores."""

    def __init__(self, folder: Path, token: str = "", **listen: object) -> None:
        self.folder, self.port, self.token = folder, free_port(), token
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "store").mkdir(parents=True)
        (folder / "tokens").touch(0o600)
        (folder / "tokens").write_text(f"score {token}\n")
        self.spool, self.scores, self.dead = folder / "spool", folder / "scores.duckdb", folder / "dead.ndjson"
        config = {
            "listen": {"name": "web", "spool": {"folder": str(self.spool)}, **listen},
            "source": {"use": "http-access"},
            "bundle": {"store": str(folder / "store"), "name": "demo"},
            "exporters": [{"use": "duckdb", "path": str(self.scores)}],
            "state": str(folder / "state"),
            "dead_letters": str(self.dead),
        }
        (folder / "forward.yaml").write_text(yaml.safe_dump(config))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers. Raises `AssertionError` with what it said where it does not."""
        command = [sys.executable, "-m", "logsentry", "serve", "--store", str(self.folder / "store"), "--port", str(self.port)]
        command += ["--forward", str(self.folder / "forward.yaml")]
        if self.token:
            command += ["--tokens", str(self.folder / "tokens")]
        with (self.folder / "said").open("ab") as said:
            self._process = subprocess.Popen(command, stderr=said, env={**os.environ, "OMP_NUM_THREADS": "1"})
        until(self._answers, "the server answers", self.said)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said()
        try:
            with urllib.request.urlopen(self.url + "/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def said(self) -> str:
        return (self.folder / "said").read_text()[-3000:]

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait() == -signal.SIGKILL

    def end(self) -> None:
        """Whatever it does just now."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def stop(self) -> None:
        """As a service manager does; every score is in its store then."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(40) == 0, self.said()
        for line in (self.folder / "said").read_text().splitlines():
            assert line.startswith("{"), f"a log is JSON to its last line, and this is not: {line}"

    def counted(self, name: str) -> float:
        """A figure of /metrics, labels and all, 0 where it is not there."""
        asked = urllib.request.Request(
            self.url + "/metrics", headers={"authorization": f"Bearer {self.token}"} if self.token else {}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            rows = (row.rpartition(" ") for row in answer.read().decode().splitlines())
        return next((float(value) for key, _, value in rows if key == name), 0.0)

    def ended(self) -> float:
        """Records that were scored or ended otherwise since the last start."""
        ends = ("scored", "duplicate", "filtered", "dead_lettered")
        return sum(self.counted(f'logsentry_forward_records_total{{end="{end}",forward="web"}}') for end in ends)

    def scored(self) -> Counter[str]:
        """How often each line is in a stored score; the server has to be stopped."""
        with duckdb.connect(str(self.scores), read_only=True) as store:
            return Counter(line for (line,) in store.execute("SELECT original FROM events").fetchall())


@contextmanager
def served(folder: Path, token: str = "", **listen: object) -> Iterator[Served]:
    """With a token nobody is let in without it."""
    server = Served(folder, token, **listen)
    server.start()
    try:
        yield server
    finally:
        server.end()


def until(true: Callable[[], bool], what: str, said: Callable[[], str] = str, seconds: float = 60.0) -> None:
    """Raises `AssertionError` where it does not become true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:g} seconds in vain until {what}: {said()}"
        time.sleep(0.05)


async def until_true(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """The same in an event loop that goes on meanwhile."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:g} seconds in vain"
        await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def closing_lines(days: Sequence[int] = (25, 29)) -> list[str]:
    """Lines so late that every session before them ends."""
    return [CLOSING.format(day) for day in days]
