"""The proxy that spoils answers: that it passes on what it should, and does each harm that a test asks of it, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from logsentry_elasticsearch.connection import Answer, Broken, Cluster, Connection, Untrusted
from services.certificates import Authority, fingerprint, serving
from services.proxy import Busy, Cut, Proxy, Reset, Slow, Status, at, sometimes


@pytest.fixture
def index(elasticsearch: str) -> Iterator[str]:
    name = f"proxied-{uuid4().hex[:12]}"
    yield name
    Cluster(Connection(elasticsearch)).request("DELETE", f"/{name}", params={"ignore_unavailable": "true"})


def create(cluster: Cluster, index: str, ids: list[str]) -> Answer:
    lines = [line for name in ids for line in ({"create": {"_id": name}}, {"message": "x"})]
    body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    return cluster.request("POST", f"/{index}/_bulk", body, {"refresh": "true"}, content_type="application/x-ndjson")


def statuses(answer: Answer) -> list[int]:
    return [item["create"]["status"] for item in answer.json()["items"]]


def stored(url: str, index: str) -> int:
    return int(Cluster(Connection(url)).request("GET", f"/{index}/_count").json()["count"])


def test_without_faults_it_only_counts(elasticsearch: str, index: str) -> None:
    with Proxy(elasticsearch) as proxy:
        cluster = Cluster(Connection(proxy.url))
        assert statuses(create(cluster, index, ["a", "b"])) == [201, 201]
        assert statuses(create(cluster, index, ["b", "c"])) == [409, 201]
        assert proxy.documents == {f"{index}/a": 1, f"{index}/b": 2, f"{index}/c": 1}
        assert proxy.statuses("/_bulk") == [200, 200]


def test_busy_holds_a_share_back_and_the_server_never_sees_it(elasticsearch: str, index: str) -> None:
    with Proxy(elasticsearch, at({1: Busy(0.5, seed=3)})) as proxy:
        ids = [str(number) for number in range(40)]
        first = statuses(create(Cluster(Connection(proxy.url)), index, ids))
        assert set(first) == {201, 429}
        assert stored(elasticsearch, index) == first.count(201)
        assert sum(proxy.held.values()) == first.count(429)
        assert create(Cluster(Connection(proxy.url)), index, ids).status == 200
        assert stored(elasticsearch, index) == len(ids)


@pytest.mark.parametrize("fault", [Reset(), Cut()])
def test_what_breaks_afterwards_is_stored(elasticsearch: str, index: str, fault: Reset | Cut) -> None:
    with Proxy(elasticsearch, at({1: fault})) as proxy:
        with pytest.raises(Broken) as broken:
            create(Cluster(Connection(proxy.url)), index, ["a"])
        assert broken.value.sent
        assert stored(elasticsearch, index) == 1


def test_what_breaks_before_is_not_stored(elasticsearch: str, index: str) -> None:
    with Proxy(elasticsearch, at({1: Reset(after=False), 2: Status(503), 3: Status(413)})) as proxy:
        cluster = Cluster(Connection(proxy.url))
        with pytest.raises(Broken):
            create(cluster, index, ["a"])
        assert [create(cluster, index, ["a"]).status for _ in range(2)] == [503, 413]
        assert cluster.request("HEAD", f"/{index}").status == 404


def test_a_gateway_may_give_up_on_a_server_that_stores(elasticsearch: str, index: str) -> None:
    with Proxy(elasticsearch, at({1: Status(504, after=True), 2: Slow(0.2)})) as proxy:
        cluster = Cluster(Connection(proxy.url))
        assert create(cluster, index, ["a"]).status == 504
        assert statuses(create(cluster, index, ["a"])) == [409]
        assert stored(elasticsearch, index) == 1


def test_the_same_seed_spoils_the_same_requests(elasticsearch: str, index: str) -> None:
    runs = []
    for _ in range(2):
        with Proxy(elasticsearch, sometimes(Status(503), 0.5, seed=9)) as proxy:
            cluster = Cluster(Connection(proxy.url))
            runs.append([create(cluster, index, ["a"]).status for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_tls_of_the_proxy_is_that_of_its_certificate(elasticsearch: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.sign("proxy")
    with Proxy(elasticsearch, tls=serving(certificate)) as proxy:
        trusted = Cluster(Connection(proxy.url, ca_file=str(authority.path)))
        assert trusted.request("GET", "/_cluster/health").status == 200
        pinned = Cluster(Connection(proxy.url, fingerprint=fingerprint(certificate[0])))
        assert pinned.request("GET", "/_cluster/health").status == 200
        with pytest.raises(Untrusted):
            Cluster(Connection(proxy.url)).request("GET", "/_cluster/health")
        assert len(proxy.requests) == 2
