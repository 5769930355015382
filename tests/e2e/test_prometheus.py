"""A real Prometheus scrapes the server with a token, stores what it says, and its own checker finds nothing to say about the names."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from services.debian import Program, program
from services.model_server import Server, serving, store_in

from logsentry.errors import Unavailable

TOKEN = "read-0123456789abcdef"
SECONDS = 60
IDS = [[3, 5, 6, 4]]


def found(name: str) -> Program:
    try:
        return program(name)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    store = tmp_path_factory.mktemp("store")
    store_in(store, copies=1)
    tokens = {"LOGSENTRY_READ_TOKEN": TOKEN, "LOGSENTRY_SCORE_TOKEN": "score-0123456789abcdef"}
    with serving(store, environment=tokens) as running:
        yield running


def infer(server: Server, count: int) -> None:
    tensor = {"name": "ids", "datatype": "INT64", "shape": [1, len(IDS[0])], "data": IDS}
    token = {"authorization": "Bearer score-0123456789abcdef"}
    for _ in range(count):
        answer = server.ask("POST", "/v2/models/web/infer", {"inputs": [tensor]}, token)
        assert answer.status == 200, answer.body


def test_promtool_finds_nothing_to_say(server: Server) -> None:
    promtool = found("promtool")
    infer(server, 1)
    text = server.ask("GET", "/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert text.status == 200
    command = [str(promtool.path), "check", "metrics"]
    done = subprocess.run(command, input=text.body, env=dict(promtool.environment), capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_prometheus_with_the_token_reads_what_the_server_counts(server: Server, tmp_path: Path) -> None:
    infer(server, 3)
    with prometheus(found("prometheus"), tmp_path, server.port, TOKEN) as ask:
        until(lambda: value(ask, "logsentry_inference_requests_total{model='web'} >= 3"))
        infer(server, 2)
        assert until(lambda: value(ask, "logsentry_inference_requests_total{model='web'} >= 5")) >= 5
        assert value(ask, "up{job='logsentry'}") == 1
        assert value(ask, "logsentry_model_info{model='web',source='http-access'}") == 1
        seconds = "histogram_quantile(0.5, logsentry_http_request_duration_seconds_bucket{route='/v2/models/{model}/infer'})"
        assert 0 < (value(ask, seconds) or 0) < 30


def test_a_prometheus_without_the_token_sees_nothing(server: Server, tmp_path: Path) -> None:
    with prometheus(found("prometheus"), tmp_path, server.port, "another-0123456789") as ask:
        told = until(lambda: [each for each in targets(ask) if each["health"] == "down"])
        assert "401" in told[0]["lastError"]
        assert value(ask, "logsentry_model_info") is None


Ask = Callable[[str], Any]


@contextmanager
def prometheus(what: Program, folder: Path, target: int, token: str) -> Iterator[Ask]:
    """A Prometheus that scrapes one server twice a second; answers a function that asks its API."""
    (folder / "token").write_text(token)
    job = {
        "job_name": "logsentry",
        "authorization": {"credentials_file": str(folder / "token")},
        "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
    }
    settings = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}, "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML
    port = free_port()
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", "--log.level=warn"]
    command = [str(what.path), *options, f"--web.listen-address=127.0.0.1:{port}"]
    with open(folder / "out", "wb") as out:
        process = subprocess.Popen(command, env=dict(what.environment), stdout=out, stderr=subprocess.STDOUT, cwd=folder)
    try:

        def ask(path: str) -> Any:
            with urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
                return json.load(answer)["data"]

        until(lambda: answers(lambda: targets(ask)))
        yield ask
    finally:
        process.terminate()
        process.wait(30)


def targets(ask: Ask) -> list[dict[str, Any]]:
    active: list[dict[str, Any]] = ask("targets?state=active")["activeTargets"]
    return active


def value(ask: Ask, query: str) -> float | None:
    result = ask(f"query?query={quote(query)}")["result"]
    return float(result[0]["value"][1]) if result else None


def answers(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except URLError:  # it is starting
        return None


def until(question: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {SECONDS} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
