"""A job that is killed 200 times over 100,000 documents stores what an undisturbed job stores: missing 0, doubled 0.

The moments are those of its requests (`services.enrichment.Killer`), with a rollover of the streams after every tenth; so a kill falls
before a request is heard, after it was obeyed, and between its answer and the checkpoint. Where the job comes to its end before
the 200th kill it is begun anew, so that each kill falls into work. Prints its figures for the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from elasticsearch import Elasticsearch
from services.enrichment import Job, configure, kill_once
from services.passes import Passes
from services.proxy import Proxy
from services.weblogs import Planted, check, own_index, own_streams, plant, stored

DOCUMENTS = 100_000
KILLS = 200
BATCH = 100
PHASES = 150
"""Of a pass, until it is killed at the latest; about 100 come before its first checkpoint."""

FINE = (0, 4)

pytestmark = pytest.mark.soak


@pytest.fixture
def client(elasticsearch: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch, request_timeout=120) as found:
        yield found


@pytest.fixture
def planted(client: Elasticsearch) -> Iterator[Planted]:
    found = plant(client, own_index(), DOCUMENTS)
    yield found
    client.indices.delete(index=found.index)


@pytest.fixture
def passes(tmp_path: Path) -> Iterator[Passes]:
    found = Passes(tmp_path, BATCH)
    yield found
    found.close()


def test_killed_200_times(
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    passes: Passes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    namespace = own_streams(client)
    quiet = configure(tmp_path / "undisturbed", elasticsearch, planted.index, namespace)
    assert passes.run("enrich", quiet.config).code in FINE
    undisturbed = stored(client, namespace)
    check(planted, undisturbed, undisturbed, quiet.dead_letters)
    chance, killed, told = Random(2026), 0, []
    while killed < KILLS:
        namespace = own_streams(client)
        with Proxy(elasticsearch) as proxy:
            job = configure(tmp_path / namespace, proxy.url, planted.index, namespace, reading={"page": 500})
            kills = killed_until(passes, proxy, job, chance, KILLS - killed, lambda name=namespace: roll(client, name))
            assert passes.run("enrich", job.config).code in FINE
            sent = sum(proxy.documents.values())
        found = stored(client, namespace)
        check(planted, found, undisturbed, job.dead_letters)
        killed += kills
        told.append(f"{kills} kills, {found.backing} backing indices, {sent:,} documents sent for {len(found.scores):,} scores")
    with capsys.disabled():
        print(f"\n{planted.count:,} documents, {killed} kills: missing 0, doubled 0; {'; '.join(told)}")


def killed_until(passes: Passes, proxy: Proxy, job: Job, chance: Random, most: int, every_tenth: Callable[[], None]) -> int:
    """Start the job and kill it until it comes to its end, or so many times; answers how often it was killed."""
    for number in range(1, most + 1):
        if not kill_once(passes, proxy, job, chance, PHASES):
            return number - 1
        if number % 10 == 0:
            every_tenth()
    return most


def roll(client: Elasticsearch, namespace: str) -> None:
    stream = f"logs-logsentry.scores-{namespace}"
    if client.indices.exists(index=stream):
        client.indices.rollover(alias=stream)
