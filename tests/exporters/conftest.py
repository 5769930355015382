"""Data streams of one test's own on the real Elasticsearch, and what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch.exporter import Elasticsearch, ElasticsearchConfig
from logsentry_elasticsearch.fields import properties
from services.proxy import Faults, Proxy

TEMPLATE = {
    "index_patterns": ["logs-logsentry.*-h4_*"],
    "data_stream": {},
    "priority": 700,
    "template": {
        "settings": {"number_of_replicas": 0, "number_of_shards": 1},
        "mappings": {"dynamic": False, "properties": properties()},
    },
}


class Streams:
    """The streams of one namespace, asked past the exporter."""

    def __init__(self, url: str, namespace: str) -> None:
        self.url, self.namespace = url, namespace
        self.cluster = Cluster(Connection(url=url))
        self._closing: list[Callable[[], None]] = []

    def name(self, kind: str = "scores") -> str:
        return f"logs-logsentry.{kind}-{self.namespace}"

    def exporter(self, url: str = "", **options: Any) -> Elasticsearch:
        """An exporter into these streams; by way of a proxy, where its address is given."""
        made = Elasticsearch(ElasticsearchConfig(url=url or self.url, namespace=self.namespace, **options))
        self._closing.append(made.close)
        return made

    def proxy(self, faults: Faults | None = None) -> Proxy:
        made = Proxy(self.url, faults)
        self._closing.append(made.close)
        return made

    def request(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.cluster.request(method, path, body)
        assert answer.status in (200, 201), answer
        return answer.json()

    def hits(self, kind: str = "scores") -> list[dict[str, Any]]:
        """Every document, also a second one of the same id; none where there is no such stream."""
        if self.cluster.request("POST", f"/{self.name(kind)}/_refresh").status == 404:
            return []
        found: list[dict[str, Any]] = self.request("POST", f"/{self.name(kind)}/_search", {"size": 10_000})["hits"]["hits"]
        return found

    def ids(self, kind: str = "scores") -> list[str]:
        return sorted(hit["_id"] for hit in self.hits(kind))

    def rollover(self, kind: str = "scores") -> None:
        assert self.request("POST", f"/{self.name(kind)}/_rollover")["rolled_over"]

    def close(self) -> None:
        for close in self._closing:
            close()
        self.cluster.close()


@pytest.fixture(scope="session")
def elasticsearch_with_template(elasticsearch: str) -> str:
    cluster = Cluster(Connection(url=elasticsearch))
    assert cluster.request("PUT", "/_index_template/h4-tests", TEMPLATE).status == 200
    cluster.close()
    return elasticsearch


@pytest.fixture
def streams(elasticsearch_with_template: str) -> Iterator[Streams]:
    made = Streams(elasticsearch_with_template, f"h4_{uuid4().hex[:12]}")
    yield made
    made.close()
