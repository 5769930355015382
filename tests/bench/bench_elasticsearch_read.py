"""Reading raw log lines out of a real Elasticsearch against `elasticsearch.helpers.scan` at its defaults: speed and client CPU.

Documents are what an ingest pipeline leaves of an access log, about 1.6 KB each, of which a source needs the line alone. Both readers ask
the same node in turn, and both have to give the same lines.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import orjson
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch_input.config import ElasticsearchInputConfig
from logsentry_elasticsearch_input.input import ElasticsearchInput
from ratios import told

sys.path.append(str(Path(__file__).parents[1]))
from services.elasticsearch import open_node

DOCUMENTS = int(os.environ.get("LOGSENTRY_BENCH_DOCUMENTS", "60000"))
ROUNDS = 5
FASTER, CHEAPER = 1.6, 5.0
BEGIN = 1_767_225_600_000  # 2026-01-01T00:00:00Z
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


def document(number: int) -> dict[str, object]:
    """One request, as the usual pipeline for access logs stores it in ECS names."""
    address, path = f"192.0.2.{number % 250}", f"/shop/item/{number % 977}?page={number % 13}"
    line = f'{address} - - [01/Jan/2026:00:00:00 +0000] "GET {path} HTTP/1.1" 200 {number % 9000} "-" "{AGENT}"'
    return {
        "@timestamp": BEGIN + number,
        "message": line,
        "ecs": {"version": "8.11.0"},
        "data_stream": {"type": "logs", "dataset": "nginx.access", "namespace": "default"},
        "agent": {"id": "f1b0c6d2-1d0e-4c39-9a55-cd0e0b9d7f11", "type": "filebeat", "version": "8.19.1", "name": "web-1"},
        "host": {"name": "web-1", "hostname": "web-1", "architecture": "x86_64", "ip": ["10.0.0.7", "fe80::1"], "containerized": False,
                 "os": {"platform": "debian", "version": "12", "family": "debian", "name": "Debian GNU/Linux", "kernel": "6.1.0"}},
        "log": {"file": {"path": "/var/log/nginx/access.log"}, "offset": number * 210},
        "input": {"type": "log"},
        "source": {"address": address, "ip": address, "geo": {"country_iso_code": "DE", "city_name": "Berlin",
                   "location": {"lat": 52.5, "lon": 13.4}}, "as": {"number": 64500, "organization": {"name": "Example"}}},
        "url": {"original": path, "path": path.partition("?")[0], "query": path.partition("?")[2]},
        "http": {"version": "1.1", "request": {"method": "GET"}, "response": {"status_code": 200, "body": {"bytes": number % 9000}}},
        "user_agent": {"original": AGENT, "name": "Chrome", "version": "131.0.0.0", "os": {"name": "Linux"}, "device": {"name": "Other"}},
        "event": {"kind": "event", "category": ["web"], "type": ["access"], "outcome": "success", "module": "nginx",
                  "dataset": "nginx.access", "created": "2026-01-01T00:00:01.000Z", "timezone": "+00:00"},
    }  # fmt: skip


@contextmanager
def filled(url: str) -> Iterator[str]:
    """An index of the documents; removed at the end."""
    cluster, index = Cluster(Connection(url=url)), f"reading-{uuid4().hex[:12]}"
    properties = {"@timestamp": {"type": "date"}, "message": {"type": "keyword", "index": False, "doc_values": False}}
    body = {
        "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": -1},
        "mappings": {"dynamic": False, "properties": properties},
    }
    created = cluster.request("PUT", f"/{index}", body)
    assert created.status == 200, created.reason()
    try:
        for start in range(0, DOCUMENTS, 5000):
            lines = b"".join(
                b'{"create":{"_id":"%d"}}\n%s\n' % (n, orjson.dumps(document(n)))
                for n in range(start, min(start + 5000, DOCUMENTS))
            )
            answer = cluster.request("POST", f"/{index}/_bulk", lines, {"filter_path": "errors"}, "application/x-ndjson")
            assert answer.body == b'{"errors":false}', answer.body[:500]
        cluster.request("POST", f"/{index}/_forcemerge", params={"max_num_segments": "1"})
        cluster.request("POST", f"/{index}/_refresh")
        yield index
    finally:
        cluster.request("DELETE", f"/{index}")
        cluster.close()


def theirs(url: str, index: str) -> int:
    """Bytes of all lines."""
    with Elasticsearch(url) as client:
        return sum(len(hit["_source"]["message"]) for hit in scan(client, index=index))


def ours(url: str, index: str) -> int:
    input_ = ElasticsearchInput(ElasticsearchInputConfig(url=url, index=index))
    total = sum(len(record.data) for record in input_.read() if record is not None)
    input_.close()
    return total


def best(read: Callable[[], int], spent: dict[str, list[float]]) -> int:
    wall, cpu = time.perf_counter(), time.process_time()
    total = read()
    spent["wall"].append(time.perf_counter() - wall)
    spent["cpu"].append(time.process_time() - cpu)
    return total


def lines_equal(url: str, index: str) -> bool:
    with Elasticsearch(url) as client:
        wanted = {hit["_id"]: hit["_source"]["message"] for hit in scan(client, index=index)}
    input_ = ElasticsearchInput(ElasticsearchInputConfig(url=url, index=index))
    records = [record for record in input_.read() if record is not None]
    input_.close()
    return len(records) == DOCUMENTS and wanted == {str(record.cursor["id"]): record.data.decode() for record in records}


def main() -> int:
    with open_node() as url, filled(url) as index:
        if not lines_equal(url, index):
            print("the two readers do not give the same lines")
            return 1
        spent: dict[str, dict[str, list[float]]] = {name: {"wall": [], "cpu": []} for name in ("theirs", "ours")}
        for _ in range(ROUNDS):
            best(lambda: theirs(url, index), spent["theirs"])
            best(lambda: ours(url, index), spent["ours"])
        wall, cpu = ({name: min(found[kind]) for name, found in spent.items()} for kind in ("wall", "cpu"))
        print(f"documents/s: scan {DOCUMENTS / wall['theirs']:,.0f}, ours {DOCUMENTS / wall['ours']:,.0f}")
        print(f"client CPU, µs/document: scan {1e6 * cpu['theirs'] / DOCUMENTS:.1f}, ours {1e6 * cpu['ours'] / DOCUMENTS:.1f}")
        for name, ratio, target in (
            ("reading, documents/s against helpers.scan", wall["theirs"] / wall["ours"], FASTER),
            ("reading, client CPU of helpers.scan against ours", cpu["theirs"] / cpu["ours"], CHEAPER),
        ):
            told(name, ratio, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
