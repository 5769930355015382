"""`logsentry serve` as a person or systemd starts it: what is wrong is said before it listens, and it ends in order."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from services.model_server import NAME, Answer, serving, store_in

from logsentry.cli import main

WINDOW = [3, 5, 6, 4]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command") / "store"
    store_in(folder, 1)
    return folder


def started(*options: str | Path, seconds: float = 60) -> tuple[int, str, str]:
    """How it ended, its stdout and its stderr."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LOGSENTRY_")}
    command = [sys.executable, "-m", "logsentry", "serve", *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """The same in this process, which saves the second that a process takes to begin. What it does to logging is undone."""
    for name in [name for name in os.environ if name.startswith("LOGSENTRY_")]:
        monkeypatch.delenv(name)

    def called(*options: str | Path) -> tuple[int, str, str]:
        done = CliRunner().invoke(main.root, ["serve", *map(str, options)])
        return done.exit_code, done.stdout, done.stderr

    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn.error")
    before = root.handlers[:], root.level, uvicorn.level
    yield called
    root.handlers[:], root.level, uvicorn.level = before
    logging.captureWarnings(False)


def test_what_is_wrong_is_said_in_one_sentence(store: Path, tmp_path: Path, called: Callable[..., tuple[int, str, str]]) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    cases: list[tuple[list[str | Path], int, str]] = [
        (["--store", tmp_path / "none"], 2, "there is no store"),
        (["--store", store, "--host", "0.0.0.0"], 2, "other machines could use this server"),
        (["--store", store, "--certificate", nothing], 2, "TLS needs a certificate and its key"),
        (["--store", store, "--client-ca", nothing], 2, "TLS needs a certificate and its key"),
        (["--store", store, "--certificate", nothing, "--key", nothing], 2, "the client authority cannot be used"),
        (["--store", store, "--tokens", nothing], 2, "others on this machine may read"),
        (["--store", store, "--limit", "windows=0"], 2, "the limits are wrong"),
        (["--store", store, "--limit", "window=1"], 2, "there are body_bytes"),
        (["--store", store, "--batch", "0"], 2, "the limits are wrong"),
        (["--store", store, "--limit", "windows"], 2, "--limit takes NAME=NUMBER"),
        (["--store", store, "--providers", "gpu"], 2, "there is no execution provider 'gpu'"),
        (["--store", store, "--precision", "fp16"], 2, "has no fp16 graph"),
    ]
    for number, (options, wanted, said) in enumerate(cases):
        code, out, talk = (called if 0 < number < len(cases) - 1 else started)(*options)
        assert (code, out) == (wanted, ""), talk
        last = talk.splitlines()[-1]
        assert said in last, last
        assert last.startswith("logsentry: ")
        assert "Traceback" not in talk


def test_a_port_that_is_taken_is_said(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, said = started("--store", store, "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "is something else there?" in said.splitlines()[-1]


def test_sigterm_answers_what_is_under_way_and_ends_with_0(store: Path) -> None:
    with serving(store, "--table", "0") as server:
        answers: list[Answer] = []
        long = [[3, *([5 + at % 90] * 62), 4] for at in range(250)]
        asking = [threading.Thread(target=lambda: answers.append(server.infer(long))) for _ in range(3)]
        for each in asking:
            each.start()
        deadline = time.monotonic() + 20
        while b'waiting_items{model="web"} 0.0' in server.ask("GET", "/metrics").body and time.monotonic() < deadline:
            time.sleep(0.01)
        assert answers == [], "all were answered before the server was told to stop"
        server.process.send_signal(signal.SIGTERM)
        for each in asking:
            each.join()
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert server.process.wait(60) == 0
        assert server.lines()[-1]["message"] == "stopped"


def test_more_connections_than_allowed_are_503_and_the_next_are_served_again(store: Path) -> None:
    with serving(store, "--limit", "connections=4") as server:
        held = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(4)]
        assert server.ask("GET", "/healthz").status == 503
        for connection in held:
            connection.close()
        deadline = time.monotonic() + 10
        while server.ask("GET", "/healthz").status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_sigint_ends_it_as_an_interrupt(store: Path) -> None:
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job that a shell began in the background ignores it, and so do its children
    with serving(store) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 130


def test_its_log_is_json_lines_and_what_a_client_sends_begins_none(store: Path) -> None:
    with serving(store, "--access-log") as server:
        assert server.ask("GET", "/v2/models/a%0Ab%1b%5b31m%e2%80%ae%00").status == 404
        assert server.infer([WINDOW]).status == 200
        lines: list[dict[str, Any]] = []
        until = time.monotonic() + 10
        while len(lines) < 2 and time.monotonic() < until:  # a line is written once its answer was
            lines = [line for line in server.lines() if line["log.logger"] == "logsentry.access"]
        assert server.log.read_bytes().isascii()
    assert [line["url.path"] for line in lines] == ["/v2/models/a\nb\x1b[31m\u202e\x00", f"/v2/models/{NAME}/infer"]
    assert [line["http.response.status_code"] for line in lines] == [404, 200]


def test_quiet_leaves_warnings_alone(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "logsentry", "serve", "--quiet", "--store", str(store), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")


def test_it_imports_no_torch(store: Path) -> None:
    code = "import sys, logsentry.server.serving; print([name for name in ('torch', 'pandas', 'sklearn') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []


def test_a_store_without_models_is_served_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with serving(tmp_path / "store") as server:
        assert server.ask("GET", "/readyz").status == 503
        said = [line["message"] for line in server.lines() if line["log.level"] == "warning"]
    assert any("names no model yet" in message for message in said)
