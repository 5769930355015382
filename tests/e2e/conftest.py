"""What the jobs over a real Elasticsearch share: a client, commands as processes, data streams of one test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch
from services.disturbed import BATCH, DOCUMENTS, Disturbed, undisturbed_job
from services.passes import Passes
from services.weblogs import Planted, Store, own_index, own_streams, plant


@pytest.fixture(scope="session")
def client(elasticsearch: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch) as found:
        yield found


@pytest.fixture(scope="session")
def passes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passes]:
    found = Passes(tmp_path_factory.mktemp("passes"), BATCH)
    yield found
    found.close()


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passes]:
    """Commands that a person types, of whatever kind: the same with batches as they are."""
    found = Passes(tmp_path_factory.mktemp("commands"))
    yield found
    found.close()


@pytest.fixture
def namespace(client: Elasticsearch) -> str:
    return own_streams(client)


@pytest.fixture(scope="session")
def planted(client: Elasticsearch) -> Iterator[Planted]:
    found = plant(client, own_index(), DOCUMENTS)
    yield found
    client.indices.delete(index=found.index)


@pytest.fixture(scope="session")
def undisturbed(
    passes: Passes, client: Elasticsearch, planted: Planted, elasticsearch: str, tmp_path_factory: pytest.TempPathFactory
) -> Store:
    return undisturbed_job(passes, client, planted, elasticsearch, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def disturbed(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> Disturbed:
    return Disturbed(passes, elasticsearch, client, planted, undisturbed, namespace, tmp_path)
