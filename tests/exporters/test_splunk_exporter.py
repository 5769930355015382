"""The exporter against a server that keeps to the documented protocol (`tests/services/hec.py`)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from logsentry_splunk.connection import SplunkConfig, Untrusted
from logsentry_splunk.exporter import Splunk
from services.certificates import Authority, serving
from services.hec import BREAK, TOKEN, Hec, served
from services.proxy import Proxy

from logsentry.pipeline.build import make_exporter
from logsentry.sdk import Address, Delivered, Event, Rejected, Retry, Score, Scored, Secret, UsageError, Window
from logsentry.testing.exporter_contract import ExporterContract, scored


@pytest.fixture
def hec() -> Iterator[Hec]:
    with served() as collector:
        yield collector


def config(hec: Hec, **options: Any) -> SplunkConfig:
    return SplunkConfig(**{"url": hec.url, "token": Secret(TOKEN), "wait": 2.0, **options})


def strange(number: int = 1, **fields: Any) -> Scored:
    event = Event(
        f"e{number}", 1_700_000_000_123_000_000, "sample", {"source.ip": "10.0.0.9", "user.name": "eve", **fields}, "m", b"m"
    )
    return Scored(Window("10.0.0.9", (event,)), Score("counting@abc", 2.5, 0.001, 1.0), (Address("weblogs-1", "d1"),))


class TestSplunkContract(ExporterContract):
    idempotent = False

    @pytest.fixture(autouse=True)
    def _collector(self, hec: Hec) -> None:
        self.hec = hec

    def make(self, folder: Path) -> Splunk:
        return Splunk(config(self.hec))

    def stored(self, folder: Path) -> list[str]:
        return [event["event"]["logsentry"]["id"] for event in self.hec.events if event["sourcetype"] == "logsentry:score"]


def exported(hec: Hec, items: list[Scored], **options: Any) -> list[Any]:
    exporter = Splunk(config(hec, **options))
    try:
        return list(exporter.export(items))
    finally:
        exporter.close()


def test_an_alert_is_a_second_event_with_the_names_of_the_information_model(hec: Hec) -> None:
    assert exported(hec, [strange()], index="security") == [Delivered()]
    score, alert = hec.events
    assert (score["sourcetype"], alert["sourcetype"]) == ("logsentry:score", "logsentry:alert")
    assert score["time"] == alert["time"] == 1_700_000_000.123
    assert score["index"] == alert["index"] == "security"
    assert score["event"]["logsentry"]["documents"] == ["weblogs-1/d1"]
    said = alert["event"]
    assert said["logsentry"]["id"] == score["event"]["logsentry"]["id"] == said["id"]
    assert (said["src"], said["user"], said["type"], said["app"]) == ("10.0.0.9", "eve", "alert", "logsentry")
    assert (said["risk_object"], said["risk_object_type"], said["risk_score"]) == ("eve", "user", strange().score.risk)
    assert (said["severity"], said["severity_id"]) == ("high", "4")


def test_a_backfill_raises_no_alert(hec: Hec) -> None:
    exported(hec, [msgspec.structs.replace(strange(), silent=True)])
    assert [event["sourcetype"] for event in hec.events] == ["logsentry:score"]


def test_nothing_of_an_event_decides_where_it_goes(hec: Hec) -> None:
    exported(hec, [strange(index="main", sourcetype="wineventlog", host="dc1")], host="scorer")
    assert {(event["host"], event.get("index"), event["source"]) for event in hec.events} == {("scorer", None, "logsentry")}


def test_the_event_that_is_bad_is_rejected_and_the_others_are_sent_again(hec: Hec) -> None:
    batch = [scored(number) for number in range(5)]
    third = sum(2 if item.score.alert else 1 for item in batch[:2])
    hec.script = [(400, json.dumps({"code": 6, "number": third}).encode())]
    ends = exported(hec, batch)
    assert [type(end) for end in ends] == [Delivered, Delivered, Rejected, Delivered, Delivered]
    assert ends[2].status == 400
    assert len({event["event"]["logsentry"]["id"] for event in hec.events}) == 4


@pytest.mark.parametrize(
    ("status", "code", "paused"),
    [
        (503, 9, False),
        (429, -1, False),
        (401, 3, True),
        (403, 4, True),
        (404, 404, True),
        (500, 8, True),
        (400, 7, True),
        (400, 10, True),
    ],
)
def test_what_time_or_a_person_can_mend_is_tried_again(hec: Hec, status: int, code: int, paused: bool) -> None:
    hec.script = [(status, json.dumps({"code": code}).encode())]
    end = exported(hec, [scored(1)])[0]
    assert isinstance(end, Retry)
    assert (end.paused, hec.events) == (paused, [])
    assert str(status) in end.reason


def test_a_lost_answer_is_tried_again_and_the_id_tells_the_double(hec: Hec) -> None:
    hec.script = [BREAK]
    exporter = Splunk(config(hec))
    first = exporter.export([scored(1)])[0]
    assert isinstance(first, Retry)
    assert first.paused
    assert exporter.export([scored(1)]) == [Delivered()]
    ids = [event["event"]["logsentry"]["id"] for event in hec.events]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    exporter.close()


def test_a_request_that_is_too_large_is_halved_and_a_giant_rejected(hec: Hec) -> None:
    hec.max_bytes = 60_000
    batch = [*(scored(number) for number in range(40)), scored(99, text="x" * 200_000)]
    ends = exported(hec, batch)
    assert [type(end) for end in ends] == [Delivered] * 40 + [Rejected]
    assert ends[-1].status == 413
    assert len({event["event"]["logsentry"]["id"] for event in hec.events}) == 40


def test_it_waits_until_the_indexers_have_the_events(hec: Hec) -> None:
    hec.acknowledges, hec.slow_acks = True, 2
    assert exported(hec, [scored(number) for number in range(30)], batch=10) == [Delivered()] * 30
    assert len(hec.requests) == 3
    assert len({request["channel"] for request in hec.requests}) == 1


def test_what_is_never_acknowledged_is_to_be_sent_again(hec: Hec) -> None:
    hec.acknowledges, hec.slow_acks = True, 1_000
    end = exported(hec, [scored(1)], wait=0.3)[0]
    assert isinstance(end, Retry)
    assert "acknowledge" in end.reason


def test_acknowledgement_that_is_insisted_on_has_to_be_there(hec: Hec) -> None:
    with pytest.raises(UsageError, match="indexer acknowledgement"):
        exported(hec, [scored(1)], acknowledge="on")


def test_half_a_surrogate_pair_is_rejected_alone(hec: Hec) -> None:
    ends = exported(hec, [scored(1), strange(2, **{"source.ip": "\ud800"}), scored(3)])
    assert [type(end) for end in ends] == [Delivered, Rejected, Delivered]


def test_an_address_needs_no_more_than_the_token_in_the_environment(hec: Hec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGSENTRY_SPLUNK_TOKEN", TOKEN)
    exporter = make_exporter(f"splunk:{hec.url}")
    assert exporter.export([scored(1)]) == [Delivered()]
    exporter.close()


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://u:hunter2@h:8088"}, {"url": "ftp://h"}, {"url": "https://h:x"}, {"url": "https://h?a=hunter2"},
        {"channel": "no guid"}, {"token": Secret("hunter2\n")}, {"token": None},
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said_without_the_secret(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOGSENTRY_SPLUNK_TOKEN", raising=False)
    with pytest.raises(UsageError) as caught:
        Splunk(SplunkConfig(**{"url": "https://h:8088", "token": Secret("hunter2"), **options}))
    assert "hunter2@" not in str(caught.value)
    assert "hunter2\n" not in str(caught.value)


def test_a_certificate_that_is_not_verified_is_warned_of_at_each_start() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Splunk(SplunkConfig("https://127.0.0.1:1", Secret(TOKEN), insecure=True)).close()
    assert any("not verified" in str(warning.message) for warning in caught)


def test_an_authority_that_is_not_known_can_be_named(tmp_path: Path) -> None:
    with Proxy("http://127.0.0.1:9", tls=serving(Authority(tmp_path).sign("node"))) as proxy:
        exporter = Splunk(SplunkConfig(url=proxy.url, token=Secret(TOKEN)))
        with pytest.raises(
            Untrusted, match=r"not to be trusted: .*; name its authority with ca_file or LOGSENTRY_SPLUNK_CA_FILE"
        ):
            exporter.export([scored(1)])
        exporter.close()
        assert proxy.requests == []


def test_a_collector_that_is_down_pauses_the_pipe() -> None:
    exporter = Splunk(SplunkConfig("http://127.0.0.1:1", Secret(TOKEN)))
    end = exporter.export([scored(1)])[0]
    assert isinstance(end, Retry)
    assert end.paused
    assert TOKEN not in end.reason
