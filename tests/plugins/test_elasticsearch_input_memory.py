"""Reading a million documents needs no more memory than reading a hundred thousand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch_input.config import ElasticsearchInputConfig
from logsentry_elasticsearch_input.input import ElasticsearchInput

DOCUMENTS = 1_000_000
SETTLED = 100_000
"""Documents after which the process has its size."""

GROWTH = 16 << 20
BEGIN = 1_767_225_600_000


def resident() -> int:
    """Bytes of this process in memory (proc(5), `statm`)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def index(elasticsearch: str) -> Iterator[str]:
    cluster, name = Cluster(Connection(url=elasticsearch)), f"reading-{uuid4().hex[:12]}-million"
    properties = {"@timestamp": {"type": "date"}, "message": {"type": "keyword", "index": False, "doc_values": False}}
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": -1, "translog.durability": "async"}
    assert cluster.request("PUT", f"/{name}", {"settings": settings, "mappings": {"properties": properties}}).status == 200
    for start in range(0, DOCUMENTS, 10_000):
        body = b"".join(
            b'{"create":{}}\n{"@timestamp":%d,"message":"GET /item/%d"}\n' % (BEGIN + n, n) for n in range(start, start + 10_000)
        )
        answer = cluster.request("POST", f"/{name}/_bulk", body, {"filter_path": "errors"}, "application/x-ndjson")
        assert answer.body == b'{"errors":false}'
    cluster.request("POST", f"/{name}/_refresh")
    yield name
    cluster.request("DELETE", f"/{name}")
    cluster.close()


@pytest.mark.soak
def test_memory_is_flat_over_a_million_documents(elasticsearch: str, index: str) -> None:
    input_ = ElasticsearchInput(ElasticsearchInputConfig(url=elasticsearch, index=index))
    settled = largest = number = 0
    for number, record in enumerate(input_.read(), 1):
        assert record is not None
        if number == SETTLED:
            settled = resident()
        if number % 10_000 == 0 and settled:
            largest = max(largest, resident())
    input_.close()
    assert number == DOCUMENTS
    print(
        f"{(largest - settled) / 2**20:+.1f} MiB from {SETTLED:,} to {DOCUMENTS:,} documents, {largest / 2**20:.0f} MiB at most"
    )
    assert largest - settled < GROWTH
