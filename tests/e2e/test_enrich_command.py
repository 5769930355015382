"""`logsentry enrich` as a person or a timer calls it, over a real index: its lines, its exit codes, one pass after another."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import orjson
import pytest
from logsentry_elasticsearch.connection import Cluster, Connection
from services.passes import Ended, Passes

from logsentry.pipeline.checkpoint import Checkpoint

CONFIG = """\
inputs:
  - {{use: elasticsearch, url: "{url}", index: {index}, delay: 0}}
source: {{use: http-access}}
bundle: {{store: models, name: demo}}
exporters:
  - {{use: duckdb, path: scores.duckdb}}
state: state
dead_letters: dead.ndjson
"""
HOUR = 3600


class Weblogs:
    """An index of raw access lines, and the job over it in the present folder."""

    def __init__(self, commands: Passes, url: str, folder: Path) -> None:
        self.commands, self.index, self.folder = commands, f"reading-{uuid4().hex[:12]}-weblogs", folder
        self.cluster = Cluster(Connection(url=url))
        properties = {"@timestamp": {"type": "date"}, "message": {"type": "keyword", "index": False, "doc_values": False}}
        body = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}, "mappings": {"properties": properties}}
        assert self.cluster.request("PUT", f"/{self.index}", body).status == 200
        (folder / "enrich.yaml").write_text(CONFIG.format(url=url, index=self.index))
        self.now = time.time()

    def add(self, *documents: tuple[str, float, int | None]) -> None:
        """(id, seconds ago, host); a document of no host has no line."""
        lines = [part for id_, ago, host in documents for part in ({"create": {"_id": id_}}, self._document(id_, ago, host))]
        body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        answer = self.cluster.request("POST", f"/{self.index}/_bulk", body, {"refresh": "true"}, "application/x-ndjson").json()
        assert not answer["errors"], answer

    def _document(self, id_: str, ago: float, host: int | None) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.now - ago, UTC)
        line = f'192.0.2.{host} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /{id_} HTTP/1.1" 200 12 "-" "curl/8"'
        return {"@timestamp": at.isoformat(), **({} if host is None else {"message": line})}

    def enrich(self, *options: str, code: int = 0) -> Ended:
        return self.commands.ended("enrich", "enrich.yaml", *options, code=code)

    @property
    def windows(self) -> list[int]:
        """How many events each stored score has."""
        with duckdb.connect(str(self.folder / "scores.duckdb"), read_only=True) as stored:
            return [events for (events,) in stored.execute("SELECT events FROM scores ORDER BY events").fetchall()]

    def close(self) -> None:
        self.cluster.request("DELETE", f"/{self.index}")
        self.cluster.close()


@pytest.fixture
def weblogs(commands: Passes, elasticsearch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Weblogs]:
    monkeypatch.chdir(tmp_path)
    made = Weblogs(commands, elasticsearch, tmp_path)
    yield made
    made.close()


def test_passes_of_a_job_one_after_another(weblogs: Weblogs) -> None:
    weblogs.add(("a1", 2 * HOUR + 200, 1), ("a2", 2 * HOUR + 190, 1), ("bare", 2 * HOUR, None), ("b1", 60, 2), ("b2", 30, 2))
    first = weblogs.enrich("--json", code=4)
    books = json.loads(first.out)
    assert {name: books[name] for name in ("read", "scored", "dead_lettered", "open", "balanced", "windows")} == {
        "read": 5, "scored": 2, "dead_lettered": 1, "open": 2, "balanced": True, "windows": 1,
    }  # fmt: skip
    assert 0 < books["lag_seconds"] < 120
    assert "read 5 = scored 2 + filtered 0 + dead-lettered 1 + open 2" in first.err
    assert f"complete up to {books['watermark']}" in first.err
    (letter,) = (json.loads(line) for line in (weblogs.folder / "dead.ndjson").read_text().splitlines())
    assert (letter["index"], letter["document"]) == (weblogs.index, "bare")
    assert letter["reason"] == f"the document {weblogs.index}/bare has no field event.original or message"

    weblogs.add(("b0", 45, 2), ("a3", 2 * HOUR + 100, 1), ("a4", 5, 1))
    second = json.loads(weblogs.enrich("--json").out)
    assert (second["scored"], second["dead_lettered"], second["open"]) == (1, 0, 4), "a3 came late: its session was scored"
    assert weblogs.windows == [1, 2]

    third = weblogs.enrich()
    assert "scored 0" in third.err
    assert weblogs.windows == [1, 2]


def test_a_dry_run_shows_ten_and_writes_nothing(weblogs: Weblogs) -> None:
    weblogs.add(*((f"d{n}", 3 * HOUR - n, n % 12) for n in range(36)))
    before = sorted(os.listdir())
    shown = [json.loads(line) for line in weblogs.enrich("--dry-run").out.splitlines()]
    assert len(shown) == 10
    assert [document["events"] for document in shown] == [3] * 10
    assert shown[0]["logsentry"]["source"] == {"index": [weblogs.index] * 3, "id": ["d0", "d12", "d24"]}
    assert sorted(os.listdir()) == before
    assert "36 records were read" in weblogs.enrich("--dry-run").err


def test_a_backfill_beside_the_job(weblogs: Weblogs) -> None:
    weblogs.add(("old1", 50 * HOUR, 1), ("old2", 49.9 * HOUR, 1), ("new", 5 * HOUR, 1))
    since, until = (datetime.fromtimestamp(weblogs.now - ago * HOUR, UTC).isoformat() for ago in (60, 40))
    said = weblogs.enrich("--since", since, "--until", until).err
    assert "read 2 = scored 2" in said
    assert "nobody is alerted" in said
    assert "scored 0" in weblogs.enrich("--since", since, "--until", until).err
    assert "scored 1 + duplicate 2" in weblogs.enrich().err
    assert weblogs.windows == [1, 2]
    assert "is no time" in weblogs.enrich("--since", "yesterday", code=2).err


def test_two_passes_at_once_and_what_cannot_be_read(weblogs: Weblogs) -> None:
    weblogs.add(("a1", 3 * HOUR, 1))
    with Checkpoint(weblogs.folder / "state" / "0-elasticsearch", "somebody"):
        assert f"another run (process {os.getpid()}) uses the state folder" in weblogs.enrich(code=1).err
    config = weblogs.folder / "enrich.yaml"
    config.write_text(config.read_text().replace(weblogs.index, f"{weblogs.index}-none").replace("state: state", "state: other"))
    said = weblogs.enrich(code=1).err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"logsentry: there is no index {weblogs.index}-none to read: status 404")
    own, *rest = CONFIG.format(url="", index="").splitlines()[1:]
    config.write_text("\n".join(["inputs:", "  - {use: files, paths: [access.log]}", *rest]))
    assert own.startswith("  - {use: elasticsearch")
    assert "inputs[0] is files, which a job does not come back to; use `logsentry run` for it" in weblogs.enrich(code=2).err
