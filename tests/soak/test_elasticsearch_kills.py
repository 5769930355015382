"""A job that is killed 200 times over 100,000 documents stores what an undisturbed job stores: missing 0, doubled 0.

The moments are those of its requests (`services.enrichment.Killer`), with a rollover of the streams after every tenth; so a kill falls
before a request is heard, after it was obeyed, and between its answer and the checkpoint. Prints its figures for the report.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch
from services.enrichment import configure, kill_once
from services.passes import Passes
from services.proxy import Proxy
from services.weblogs import check, make_streams, plant, stored

DOCUMENTS = 100_000
KILLS = 200
BATCH = 100
FINE = (0, 4)

pytestmark = pytest.mark.soak


@pytest.fixture
def client(elasticsearch: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch, request_timeout=120) as found:
        yield found


@pytest.fixture
def namespaces(client: Elasticsearch) -> list[str]:
    names = [f"tests_{uuid4().hex[:12]}" for _ in range(2)]
    for name in names:
        make_streams(client, name)
    return names


def test_killed_200_times(
    elasticsearch: str, client: Elasticsearch, namespaces: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = plant(client, f"weblogs-{uuid4().hex[:12]}", DOCUMENTS)
    passes, chance = Passes(tmp_path, BATCH), Random(2026)
    quiet = configure(tmp_path / "undisturbed", elasticsearch, planted.index, namespaces[0])
    began = time.monotonic()
    assert passes.run("enrich", quiet.config).code in FINE
    alone = time.monotonic() - began
    undisturbed = stored(client, namespaces[0])
    check(planted, undisturbed, undisturbed, quiet.dead_letters)
    killed = started = 0
    with Proxy(elasticsearch) as proxy:
        job = configure(tmp_path / "killed", proxy.url, planted.index, namespaces[1], reading={"page": 500})
        while killed < KILLS:
            killed += kill_once(passes, proxy, job, chance, phases=150)
            started += 1
            assert started < 3 * KILLS, "the job ends before it is killed: it has too little to do"
            if started % 10 == 0:
                client.indices.rollover(alias=f"logs-logsentry.scores-{namespaces[1]}")
        began = time.monotonic()
        assert passes.run("enrich", job.config).code in FINE
        last = time.monotonic() - began
        sent = sum(proxy.documents.values())
    found = stored(client, namespaces[1])
    check(planted, found, undisturbed, job.dead_letters)
    passes.close()
    client.indices.delete(index=planted.index)
    with capsys.disabled():
        print(
            f"\n{planted.count:,} documents, {len(found.scores):,} scores over {found.backing} backing indices, {killed} kills in "
            f"{started} passes: missing 0, doubled 0; sent {sent:,} times; undisturbed {alone:.1f} s, last pass {last:.1f} s"
        )
