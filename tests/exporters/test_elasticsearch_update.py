"""Scores written into the documents that were scored, on a real Elasticsearch: versions, conflicts, and what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pytest
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch.exporter import Elasticsearch
from services.proxy import Cut, Status, at

from logsentry.sdk import Address, Delivered, Rejected, Retry, Scored
from logsentry.testing.exporter_contract import scored

if TYPE_CHECKING:
    from conftest import Streams


class Weblogs:
    """Raw documents in an index that all these tests share; each has documents of its own there."""

    def __init__(self, streams: Streams, index: str) -> None:
        self.streams, self.index, self._own = streams, index, uuid4().hex[:8]

    def id(self, name: str) -> str:
        return f"{name}-{self._own}"

    def put(self, name: str, document: Any = None) -> Address:
        body = document or {"message": f"GET /{name}"}
        answer = self.streams.request("PUT", f"/{self.index}/_doc/{self.id(name)}", body)
        return Address(self.index, self.id(name), answer["_seq_no"], answer["_primary_term"])

    def source(self, name: str) -> Any:
        return self.streams.request("GET", f"/{self.index}/_doc/{self.id(name)}")["_source"]

    def exporter(self, url: str = "") -> Elasticsearch:
        return self.streams.exporter(url, mode="update")


@pytest.fixture(scope="module")
def index(elasticsearch: str) -> Iterator[str]:
    name, cluster = f"h4-weblogs-{uuid4().hex[:12]}", Cluster(Connection(url=elasticsearch))
    body = {"settings": {"number_of_replicas": 0, "number_of_shards": 1}, "mappings": {"dynamic": False}}
    assert cluster.request("PUT", f"/{name}", body).status == 200
    yield name
    cluster.request("DELETE", f"/{name}")
    cluster.close()


@pytest.fixture
def weblogs(streams: Streams, index: str) -> Weblogs:
    return Weblogs(streams, index)


def of(number: int, *addresses: Address) -> Scored:
    return msgspec.structs.replace(scored(number), addresses=addresses)


def test_each_record_of_a_window_gets_the_score_and_keeps_its_own(weblogs: Weblogs) -> None:
    item = of(3, weblogs.put("a"), weblogs.put("b"))
    assert weblogs.exporter().export([item]) == [Delivered()]
    for id_ in ("a", "b"):
        found = weblogs.source(id_)
        assert found["message"] == f"GET /{id_}"
        assert found["logsentry"]["id"] == item.id
        assert found["logsentry"]["value"] == item.score.value


def test_a_second_delivery_is_a_duplicate(weblogs: Weblogs) -> None:
    item = of(3, weblogs.put("a"), weblogs.put("b"))
    exporter = weblogs.exporter()
    assert exporter.export([item]) == [Delivered()]
    assert exporter.export([item]) == [Delivered(duplicate=True)]


def test_what_somebody_changed_meanwhile_is_kept(weblogs: Weblogs) -> None:
    item = of(3, weblogs.put("a"))
    weblogs.put("a", {"message": "changed", "tags": ["by a person"]})
    assert weblogs.exporter().export([item]) == [Delivered()]
    found = weblogs.source("a")
    assert (found["message"], found["tags"], found["logsentry"]["id"]) == ("changed", ["by a person"], item.id)


def test_a_document_of_several_windows_keeps_the_highest_value(weblogs: Weblogs) -> None:
    address, other = weblogs.put("a"), weblogs.put("b")
    exporter = weblogs.exporter()
    assert exporter.export([of(2, address), of(6, address), of(4, address, other)]) == [Delivered()] * 3
    assert weblogs.source("a")["logsentry"]["id"] == scored(6).id
    assert weblogs.source("b")["logsentry"]["id"] == scored(4).id
    assert exporter.export([of(5, address)]) == [Delivered()]
    assert weblogs.source("a")["logsentry"]["id"] == scored(6).id
    assert exporter.export([of(9, address)]) == [Delivered()]
    assert weblogs.source("a")["logsentry"]["id"] == scored(9).id


def test_another_detector_is_not_compared(weblogs: Weblogs) -> None:
    address = weblogs.put("a")
    weblogs.exporter().export([of(9, address)])
    low = of(1, address)
    low = msgspec.structs.replace(low, score=msgspec.structs.replace(low.score, detector="other@1"))
    assert weblogs.exporter().export([low]) == [Delivered()]
    assert weblogs.source("a")["logsentry"]["detector"] == "other"


def test_a_version_that_is_not_known_is_read_first(weblogs: Weblogs) -> None:
    weblogs.put("a", {"logsentry": "a text of somebody else's"})
    assert weblogs.exporter().export([of(1, Address(weblogs.index, weblogs.id("a")))]) == [Delivered()]
    assert weblogs.source("a")["logsentry"]["id"] == scored(1).id


def test_a_document_that_is_gone_is_rejected_and_its_neighbours_are_not(weblogs: Weblogs) -> None:
    gone, there = weblogs.put("gone"), weblogs.put("there")
    weblogs.streams.request("DELETE", f"/{weblogs.index}/_doc/{weblogs.id('gone')}")
    first, second = weblogs.exporter().export([of(1, gone), of(2, there)])
    assert isinstance(first, Rejected)
    assert "deleted" in first.reason
    assert second == Delivered()


def test_a_block_on_the_source_pauses(weblogs: Weblogs) -> None:
    address = weblogs.put("a")
    weblogs.streams.request("PUT", f"/{weblogs.index}/_settings", {"index.blocks.write": True})
    (outcome,) = weblogs.exporter().export([of(1, address)])
    weblogs.streams.request("PUT", f"/{weblogs.index}/_settings", {"index.blocks.write": False})
    assert isinstance(outcome, Retry)
    assert outcome.paused


@pytest.mark.parametrize("fault", [Cut(), Status(503, after=True)])
def test_an_update_without_an_answer_is_found_done(weblogs: Weblogs, fault: Any) -> None:
    address = weblogs.put("a")
    exporter = weblogs.exporter(weblogs.streams.proxy(at({1: fault})).url)
    (outcome,) = exporter.export([of(1, address)])
    assert isinstance(outcome, Retry)
    assert outcome.paused
    assert exporter.export([of(1, address)]) == [Delivered(duplicate=True)]
    assert weblogs.source("a")["logsentry"]["id"] == scored(1).id


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"{}", b"[]", b'{"docs":[]}'])
def test_a_second_look_that_is_not_answered_pauses(weblogs: Weblogs, body: bytes) -> None:
    address = weblogs.put("a")
    weblogs.put("a")
    proxy = weblogs.streams.proxy(lambda request: Status(200, body) if "_mget" in request.path else None)
    (outcome,) = weblogs.exporter(proxy.url).export([of(1, address)])
    assert isinstance(outcome, Retry)
    assert outcome.paused


@pytest.mark.parametrize("index", [".alerts-security.alerts-default", ".internal.alerts-security.alerts-default-000001"])
def test_alerts_of_kibana_are_left_alone(weblogs: Weblogs, index: str) -> None:
    (outcome,) = weblogs.exporter().export([of(1, Address(index, "a", 1, 1))])
    assert isinstance(outcome, Rejected)
    assert "Kibana" in outcome.reason


def test_records_out_of_no_index_are_rejected_with_a_sentence(weblogs: Weblogs) -> None:
    (outcome,) = weblogs.exporter().export([scored(1)])
    assert isinstance(outcome, Rejected)
    assert "out of no index" in outcome.reason


def test_what_is_no_json_is_rejected_alone(weblogs: Weblogs) -> None:
    bad = of(1, weblogs.put("a"))
    bad = msgspec.structs.replace(bad, window=msgspec.structs.replace(bad.window, key="\ud800"))
    first, second = weblogs.exporter().export([bad, of(2, weblogs.put("b"))])
    assert isinstance(first, Rejected)
    assert second == Delivered()
