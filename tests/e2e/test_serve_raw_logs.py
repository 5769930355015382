"""Raw logs over HTTP: the same scores as `logsentry score` gives the same file, also when many ask at once."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from services.model_server import DEMO, Server, serving, store_in

LOGS = DEMO.parent / "logs"
ATTACKS = gzip.decompress((LOGS / "attacks.log.gz").read_bytes())
ORDINARY = gzip.decompress((LOGS / "ordinary-2015-05-19.log.gz").read_bytes())
PATH = "/v1/score/http-access"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw") / "store"
    store_in(folder, 1)
    return folder


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Server]:
    with serving(store, "--table", "0") as running:
        yield running


def by_command(store: Path, data: bytes, *options: str) -> list[dict[str, Any]]:
    """What `logsentry score` writes."""
    file = store / "scored.log"
    file.write_bytes(data)
    command = [
        sys.executable,
        "-m",
        "logsentry",
        "score",
        "--quiet",
        "--bundle",
        "web",
        "--store",
        str(store),
        *options,
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, check=False, cwd=store)
    assert done.returncode in (0, 4), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(score: dict[str, Any]) -> dict[str, Any]:
    """A score without its figures, which differ in their last digits by what else is in the batch."""
    return {name: value for name, value in score.items() if name not in ("value", "p_value")}


def test_the_scores_are_those_of_the_command(server: Server, store: Path) -> None:
    answer = server.ask("POST", PATH, ATTACKS)
    assert answer.status == 200
    found, wanted = answer.json(), by_command(store, ATTACKS)
    assert len(found["scores"]) == len(wanted) > 10
    assert [told(score) for score in found["scores"]] == [told(score) for score in wanted]
    assert [s["value"] for s in found["scores"]] == pytest.approx([s["value"] for s in wanted], abs=1e-5)
    assert any(score["alert"] for score in found["scores"])
    assert found["rejected"] == []
    assert found["books"]["read"] == len(ATTACKS.splitlines())
    assert found["model"] == wanted[0]["detector"]


def test_twelve_at_once_each_get_what_they_would_get_alone(server: Server) -> None:
    lines = ORDINARY.splitlines(keepends=True)
    parts = [b"".join(lines[start::12]) for start in range(12)]
    alone = [server.ask("POST", PATH, part).json() for part in parts]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda part: server.ask("POST", PATH, part, seconds=60).json(), parts))
    for one, other in zip(alone, together, strict=True):
        assert [told(score) for score in one["scores"]] == [told(score) for score in other["scores"]]
        assert [s["value"] for s in one["scores"]] == pytest.approx([s["value"] for s in other["scores"]], abs=1e-5)


def test_lines_that_cannot_be_read_are_told_with_their_number_and_the_rest_is_scored(server: Server) -> None:
    lines = ATTACKS.splitlines(keepends=True)
    found = server.ask("POST", PATH, b"".join([*lines[:3], b"\xff\xfe no log\n", *lines[3:]])).json()
    assert [row["line"] for row in found["rejected"]] == [4]
    assert len(found["scores"]) == len(server.ask("POST", PATH, ATTACKS).json()["scores"])
    assert found["books"]["dead_lettered"] == 1


def test_events_that_were_decoded_already_score_as_their_lines_do(server: Server, store: Path) -> None:
    file = store / "decoded.log"
    file.write_bytes(ATTACKS)
    command = [sys.executable, "-m", "logsentry", "decode", "--quiet", "--source", "http-access", str(file)]
    events = subprocess.run(command, capture_output=True, check=True).stdout
    found, raw = server.ask("POST", PATH + "?as=events", events).json(), server.ask("POST", PATH, ATTACKS).json()
    assert found["rejected"] == []
    assert [score["key"] for score in found["scores"]] == [score["key"] for score in raw["scores"]]
    assert [s["value"] for s in found["scores"]] == pytest.approx([s["value"] for s in raw["scores"]], abs=1e-5)


def test_an_empty_request_has_no_scores(server: Server) -> None:
    assert server.ask("POST", PATH, b"").json()["scores"] == []


def test_a_source_or_model_that_is_not_served_is_404(server: Server) -> None:
    for path in ("/v1/score/sysmon", PATH + "?model=nothing", "/v1/score/sysmon?model=web"):
        answer = server.ask("POST", path, ATTACKS)
        assert answer.status == 404
    told = server.ask("POST", "/v1/score/sysmon", ATTACKS).json()["error"]
    assert told == "no model for the source 'sysmon' is served here, but web reads http-access"
