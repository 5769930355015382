"""Scores into a real Elasticsearch: the contract, what stands in the streams, and ids that outlive a rollover."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from logsentry_elasticsearch.exporter import Elasticsearch, ElasticsearchConfig

from logsentry.errors import UsageError
from logsentry.pipeline.build import make_exporter
from logsentry.sdk import Address, Delivered, MayRepeat, Outcome, Rejected, Retry, Scored, Window
from logsentry.testing.exporter_contract import ExporterContract, scored

if TYPE_CHECKING:
    from conftest import Streams


class TestElasticsearch(ExporterContract):
    @pytest.fixture(autouse=True)
    def _streams(self, streams: Streams) -> None:
        self.streams = streams

    def make(self, folder: Path) -> Elasticsearch:
        return self.streams.exporter()

    def stored(self, folder: Path) -> Sequence[str]:
        return self.streams.ids()


def quiet(*numbers: int) -> list[Scored]:
    """Scores below their thresholds, which make no alerts."""
    return [
        msgspec.structs.replace(item, score=msgspec.structs.replace(item.score, threshold=1e9)) for item in map(scored, numbers)
    ]


def test_the_address_is_its_url(elasticsearch: str) -> None:
    exporter = make_exporter(f"elasticsearch:{elasticsearch}")
    assert isinstance(exporter, Elasticsearch)
    assert isinstance(exporter, MayRepeat)
    exporter.close()


@pytest.mark.parametrize("namespace", ["UPPER", "a-b", "../x", "x" * 101, ".alerts-security", "a,b", "*"])
def test_no_namespace_leads_out_of_its_streams(namespace: str) -> None:
    with pytest.raises(UsageError, match="cannot be a namespace"):
        Elasticsearch(ElasticsearchConfig(url="http://127.0.0.1:9", namespace=namespace))


def test_an_alert_stands_in_both_streams_under_one_id(streams: Streams) -> None:
    low, high = scored(0), scored(7)
    assert streams.exporter().export([low, high]) == [Delivered()] * 2
    assert streams.ids() == sorted([low.id, high.id])
    assert streams.ids("alerts") == [high.id]
    alert = streams.hits("alerts")[0]["_source"]
    assert alert["event"]["kind"] == "alert"
    assert alert["rule"]["name"] == "logsentry sample"


def test_a_silent_score_alerts_nobody_until_it_comes_aloud(streams: Streams) -> None:
    item = scored(7)
    exporter = streams.exporter()
    assert exporter.export([msgspec.structs.replace(item, silent=True)]) == [Delivered()]
    assert (streams.ids(), streams.ids("alerts")) == ([item.id], [])
    assert exporter.export([item]) == [Delivered()]
    assert exporter.export([item]) == [Delivered(duplicate=True)]
    assert (streams.ids(), streams.ids("alerts")) == ([item.id], [item.id])


def test_what_was_stored_is_found_by_its_fields(streams: Streams) -> None:
    item = msgspec.structs.replace(scored(7), addresses=(Address("weblogs", "doc-1"), Address("weblogs", "doc-2")))
    streams.exporter().export([item])
    streams.hits("alerts")
    for name, value in {
        "logsentry.source.id": "doc-2", "logsentry.why.expected": "GET /index", "http.response.status_code": 200,
        "event.severity": 73, "logsentry.key": "host-7", "logsentry.fields.tags": "a", "message": "unusual",
    }.items():  # fmt: skip
        query = {"query": {"match": {name: value}}}
        assert streams.request("POST", f"/{streams.name('alerts')}/_count", query)["count"] == 1, name


def test_a_pass_that_repeats_after_a_rollover_doubles_nothing(streams: Streams) -> None:
    items = quiet(*range(6))
    first = streams.exporter()
    assert first.export(items[:2]) == [Delivered()] * 2
    streams.rollover()
    assert first.export(items[2:4]) == [Delivered()] * 2
    streams.rollover()
    second = streams.exporter()
    second.expect_repeats(True)
    assert second.export(items) == [Delivered(True)] * 4 + [Delivered()] * 2
    assert streams.ids() == sorted(item.id for item in items)
    assert second.export(items) == [Delivered(True)] * 6


def test_what_was_written_a_moment_before_the_rollover_is_found(streams: Streams) -> None:
    """A search does not see it before a refresh, of which there is none in this stream."""
    exporter, items = streams.exporter(repeats=True), quiet(1, 2)
    exporter.export(quiet(0))
    streams.request("PUT", f"/{streams.name()}/_settings", {"index": {"refresh_interval": "-1"}})
    exporter.export(items)
    streams.rollover()
    assert exporter.export(items) == [Delivered(duplicate=True)] * 2
    assert len(streams.ids()) == 3


def test_without_being_told_a_rollover_would_double(streams: Streams) -> None:
    """The hole that the question closes; were it not there, asking would be for nothing."""
    exporter, items = streams.exporter(), quiet(1)
    exporter.export(items)
    streams.rollover()
    assert exporter.export(items) == [Delivered()]
    assert streams.ids() == [items[0].id] * 2


def test_a_backfill_asks_by_itself(streams: Streams) -> None:
    exporter, items = streams.exporter(), quiet(1, 2)
    exporter.export(items[:1])
    streams.rollover()
    silent = [msgspec.structs.replace(item, silent=True) for item in items]
    assert exporter.export(silent) == [Delivered(duplicate=True), Delivered()]
    assert len(streams.ids()) == 2


def test_one_that_cannot_be_mapped_among_five_hundred(streams: Streams) -> None:
    """An object where the mapping has a keyword."""
    streams.exporter().export(quiet(0))
    items = quiet(*range(1, 501))
    odd = items[250]
    event = msgspec.structs.replace(odd.window.events[0], fields={"url.path": ["a", {"b": 1}]})
    items[250] = msgspec.structs.replace(odd, window=Window("odd", (event,)))
    outcomes = streams.exporter().export(items)
    rejected = outcomes[250]
    assert isinstance(rejected, Rejected)
    assert rejected.status == 400
    assert rejected.error
    assert "url.path" in rejected.reason
    assert [outcome for at, outcome in enumerate(outcomes) if at != 250] == [Delivered()] * 499
    assert len(streams.ids()) == 500


def test_a_write_block_pauses_and_goes_on_when_it_is_lifted(streams: Streams) -> None:
    exporter, items = streams.exporter(), quiet(1, 2)
    exporter.export(quiet(0))
    streams.request("PUT", f"/{streams.name()}/_settings", {"index.blocks.write": True})
    outcomes = exporter.export(items)
    assert all(isinstance(outcome, Retry) and outcome.paused and "block" in outcome.reason for outcome in outcomes)
    streams.request("PUT", f"/{streams.name()}/_settings", {"index.blocks.write": False})
    assert exporter.export(items) == [Delivered()] * 2


def test_a_full_disk_pauses_although_its_status_is_that_of_a_full_queue(streams: Streams) -> None:
    """The block that Elasticsearch sets by itself at the flood stage, set by hand."""
    exporter, items = streams.exporter(), quiet(1, 2)
    exporter.export(quiet(0))
    streams.request("PUT", f"/{streams.name()}/_settings", {"index.blocks.read_only_allow_delete": True})
    outcomes = exporter.export(items)
    assert all(isinstance(outcome, Retry) and outcome.paused and "disk" in outcome.reason for outcome in outcomes)
    streams.request("PUT", f"/{streams.name()}/_settings", {"index.blocks.read_only_allow_delete": None})
    assert exporter.export(items) == [Delivered()] * 2


def test_nothing_in_an_event_decides_index_or_id(streams: Streams) -> None:
    item = scored(7, '"}}\n{"delete":{"_index":"x","_id":"y"}}\n')
    event = msgspec.structs.replace(
        item.window.events[0],
        fields={
            "_index": "elsewhere",
            "_id": "mine",
            "data_stream.dataset": "elsewhere",
            "data_stream": "x",
            "@timestamp": "1970",
        },
    )
    item = msgspec.structs.replace(item, window=Window('{"create":{}}\n', (event,)))
    assert streams.exporter().export([item]) == [Delivered()]
    (hit,) = streams.hits("alerts")
    assert hit["_id"] == item.id
    assert hit["_source"]["data_stream"]["dataset"] == "logsentry.alerts"
    assert hit["_source"]["logsentry"]["fields"]["_index"] == "elsewhere"


def test_chunks_are_cut_by_number_and_by_bytes(streams: Streams) -> None:
    for options, least in ({"chunk": 3}, 4), ({"chunk_bytes": 2_000}, 5), ({}, 1):
        proxy = streams.proxy()
        items = quiet(*range(10 * least, 10 * least + 10))
        assert streams.exporter(proxy.url, **options).export(items) == [Delivered()] * 10
        sizes = [len(request.body) for request, _ in proxy.requests]
        assert len(sizes) >= least
        assert max(sizes) <= 2_000 or "chunk_bytes" not in options
        assert len(sizes) == 4 or "chunk" not in options


def test_documents_are_the_same_bytes_each_time(streams: Streams) -> None:
    proxy = streams.proxy()
    exporter = streams.exporter(proxy.url)
    for _ in range(2):
        exporter.export([scored(3)])
    (first, _), (second, _) = proxy.requests
    assert first.body == second.body
    assert json.loads(first.body.splitlines()[1])["logsentry"]["id"] == scored(3).id


def test_the_same_score_thrice_in_a_batch_is_stored_once(streams: Streams) -> None:
    (item,) = quiet(1)
    outcomes: Sequence[Outcome] = streams.exporter().export([item, item, item])
    assert outcomes == [Delivered(), Delivered(duplicate=True), Delivered(duplicate=True)]
