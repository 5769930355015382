"""Writing score documents beside `elasticsearch.helpers.bulk` at its defaults, on one node; append beside update; memory.

python tests/bench/bench_elasticsearch_write.py     # a node of its own, or the one that LOGSENTRY_TEST_ES_URL names

"From documents" begins with the same nested documents on both sides, "from scores" with what the pipeline hands over. Client CPU is
that of this process; the node runs beside it, so documents a second depend on how busy the machine is.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import orjson
from elasticsearch import Elasticsearch as Client
from elasticsearch import helpers
from logsentry_elasticsearch.bulk import Bulk
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch.documents import document
from logsentry_elasticsearch.exporter import Elasticsearch, ElasticsearchConfig
from logsentry_elasticsearch.fields import properties
from ratios import told

from logsentry.sdk import Address, Delivered, Event, Reason, Score, Scored, Window

sys.path.append(str(Path(__file__).parents[1]))
from services.elasticsearch import open_node

COUNT, ROUNDS, BATCH = 16_000, 3, 4_000
UPDATED = 6_000
MEMORY = 200_000
RUN = f"bench_{uuid4().hex[:10]}"


class Spent(msgspec.Struct, frozen=True):
    """Seconds for so many documents."""

    wall: float
    cpu: float


def item(number: int, detector: str) -> Scored:
    """A score of an access log line, as the pipeline makes it."""
    fields: dict[str, Any] = {
        "source.ip": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", "http.request.method": "GET",
        "http.response.status_code": 200, "url.path": f"/shop/item/{number % 977}", "user_agent.original": "Mozilla/5.0 (X11; Linux)",
        "event.outcome": "success", "event.category": ["web"], "related.ip": [f"10.0.{number >> 8 & 255}.{number & 255}"],
    }  # fmt: skip
    time_ns = 1_760_000_000_000_000_000 + number * 1_000_000
    event = Event(f"{number:032x}", time_ns, "http-access", fields, "GET /shop/item", b"10.0.0.1 - - GET /shop/item")
    why = (Reason("a key that was not expected", event.id, 3, "GET /shop/item/*", ("GET /", "GET /shop"), 7),)
    return Scored(Window(str(fields["source.ip"]), (event,)), Score(detector, 0.25 + number % 7, 0.03, 1e9, why, "3 of 5"))


def items(round_: object, count: int = COUNT) -> list[Scored]:
    return [item(number, f"bench@{round_}") for number in range(count)]


def measured(work: Callable[[], object]) -> Spent:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def best(rounds: Sequence[Spent]) -> Spent:
    return Spent(min(one.wall for one in rounds), min(one.cpu for one in rounds))


Made = list[tuple[str, dict[str, Any]]]
"""Ids and documents."""


def making(batch: Sequence[Scored], namespace: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in batch:
        id_ = one.id
        yield id_, document(one, id_, "scores", namespace)


def actions(made: Iterable[tuple[str, dict[str, Any]]], namespace: str) -> Iterator[dict[str, Any]]:
    """What `helpers.bulk` is given, from documents that are made already or are made on the way."""
    for id_, found in made:
        yield {"_op_type": "create", "_index": f"logs-logsentry.scores-{namespace}", "_id": id_, "_source": found}


def exported(exporter: Elasticsearch, batch: Sequence[Scored]) -> None:
    for begin in range(0, len(batch), BATCH):
        outcomes = exporter.export(batch[begin : begin + BATCH])
        if any(outcome != Delivered() for outcome in outcomes):
            raise SystemExit(f"not delivered: {next(one for one in outcomes if one != Delivered())}")


def lines(made: Made) -> list[bytes]:
    return [b'{"create":{"_id":"%b"}}\n%b\n' % (id_.encode(), orjson.dumps(found)) for id_, found in made]


def content(cluster: Cluster, namespace: str) -> bytes:
    """Every document of a stream, without what names the stream."""
    stream = f"logs-logsentry.scores-{namespace}"
    assert cluster.request("POST", f"/{stream}/_refresh").status == 200
    found: list[Any] = []
    body: dict[str, Any] = {"size": 1_000, "sort": ["@timestamp", "logsentry.id"], "track_total_hits": False}
    while True:
        answer = cluster.request("POST", f"/{stream}/_search", body)
        if answer.status != 200:
            raise SystemExit(f"the node cannot be asked what was written: {answer.reason()}")
        hits = answer.json()["hits"]["hits"]
        if not hits:
            return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)
        found += [[hit["_id"], {**hit["_source"], "data_stream": 0}] for hit in hits]
        body["search_after"] = hits[-1]["sort"]


def beside_helpers(url: str, cluster: Cluster) -> bool:
    """Whether both wrote the same."""
    client, spent = Client(url, request_timeout=120), dict[str, list[Spent]]()
    ours, theirs = f"{RUN}_ours", f"{RUN}_theirs"
    exporter = Elasticsearch(ElasticsearchConfig(url=url, namespace=ours))
    bulk = Bulk(cluster, 2_000, 5_000_000, 2)
    exported(exporter, items("warm", 500))
    helpers.bulk(client, actions(making(items("warm", 500), theirs), theirs))
    for round_ in range(ROUNDS):
        batch, other = items(round_), items(f"d{round_}")
        made = [list(making(other, namespace)) for namespace in (ours, theirs)]
        passes: dict[str, Callable[[], object]] = {
            "theirs, documents": lambda: helpers.bulk(client, actions(made[1], theirs)),  # noqa: B023
            "ours, documents": lambda: bulk.send(f"/logs-logsentry.scores-{ours}/_bulk", lines(made[0])),  # noqa: B023
            "theirs, scores": lambda: helpers.bulk(client, actions(making(batch, theirs), theirs)),  # noqa: B023
            "ours, scores": lambda: exported(exporter, batch),  # noqa: B023
        }
        for name, work in passes.items():
            spent.setdefault(name, []).append(measured(work))
    for name, rounds in spent.items():
        print(f"{name}: {COUNT / best(rounds).wall:,.0f} documents/s, {1e6 * best(rounds).cpu / COUNT:.1f} µs client CPU")
    for begin, target in ("documents", 6.0), ("scores", 2.0):
        peer, own = best(spent[f"theirs, {begin}"]), best(spent[f"ours, {begin}"])
        told(f"write from {begin}, documents/s", peer.wall / own.wall, 2.0)
        told(f"write from {begin}, client CPU", peer.cpu / own.cpu, target)
    exporter.close()
    client.close()
    return content(cluster, ours) == content(cluster, theirs)


def append_beside_update(url: str, cluster: Cluster) -> None:
    """Raw documents of 2 KB with the mapping that Elasticsearch makes by itself."""
    index = f"{RUN}-weblogs"
    raw = [  # an event of an access log with the text around it that agents add
        orjson.dumps({"index": {"_id": str(number)}})
        + b"\n"
        + orjson.dumps(
            {
                "message": f"GET /{number} " + "agent and referrer " * 40,
                **item(number, "x@y").window.events[0].document(),
                "n": [{"k": f"v{number % 31 * at}"} for at in range(40)],
            }
        )
        for number in range(UPDATED)
    ]
    found = cluster.request(
        "POST", f"/{index}/_bulk", b"".join(line + b"\n" for line in raw), content_type="application/x-ndjson"
    ).json()
    places = [(one["index"]["_id"], one["index"]["_seq_no"], one["index"]["_primary_term"]) for one in found["items"]]
    batch = [
        msgspec.structs.replace(one, addresses=(Address(index, *place),))
        for one, place in zip(items("u", UPDATED), places, strict=True)
    ]
    update = Elasticsearch(ElasticsearchConfig(url=url, mode="update"))
    append = Elasticsearch(ElasticsearchConfig(url=url, namespace=f"{RUN}_ours"))
    spent = [measured(lambda: exported(append, batch)), measured(lambda: exported(update, batch))]
    spent.append(measured(lambda: exported(append, items("v", UPDATED))))
    print(f"append {UPDATED / min(spent[0].wall, spent[2].wall):,.0f} documents/s, update {UPDATED / spent[1].wall:,.0f}")
    told("append beside update, documents/s", spent[1].wall / min(spent[0].wall, spent[2].wall), 5.0)
    update.close()
    append.close()
    cluster.request("DELETE", f"/{index}")


def resident() -> float:
    """MB of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def memory(url: str) -> None:
    exporter = Elasticsearch(ElasticsearchConfig(url=url, namespace=f"{RUN}_ours"))
    sizes = []
    for begin in range(0, MEMORY, BATCH):
        exported(exporter, [item(number, "bench@memory") for number in range(begin, begin + BATCH)])
        sizes.append(resident())
    early, late = max(sizes[5:20]), max(sizes[-15:])
    told(
        "memory flat, early beside late",
        early / late,
        0.95,
        f"{early:.0f} MB after 40,000 documents, {late:.0f} MB after {MEMORY:,}",
    )
    exporter.close()


def main() -> int:
    with open_node() as url:
        cluster = Cluster(Connection(url=url, timeout=300))
        template = {
            "index_patterns": ["logs-logsentry.*-bench_*"], "data_stream": {}, "priority": 901,
            "template": {"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": False, "properties": properties()}},
        }  # fmt: skip
        answer = cluster.request("PUT", "/_index_template/logsentry-bench", template)
        if answer.status != 200:
            raise SystemExit(f"the node does not take the template: {answer.reason()}")
        equal = beside_helpers(url, cluster)
        append_beside_update(url, cluster)
        memory(url)
        for namespace in ("ours", "theirs"):
            cluster.request("DELETE", f"/_data_stream/logs-logsentry.scores-{RUN}_{namespace}")
    if not equal:
        print("the documents differ from those of helpers.bulk")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
