"""Networks and proxies between: what was stored without an answer, too much at once, wrong answers, and secrets in no text."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logsentry_elasticsearch.connection import Untrusted
from logsentry_elasticsearch.exporter import Elasticsearch, ElasticsearchConfig
from services.certificates import Authority, serving
from services.proxy import Busy, Cut, Fault, Proxy, Request, Reset, Status, at

from logsentry.sdk import Delivered, Rejected, Retry, Scored, Secret
from logsentry.testing.exporter_contract import scored

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Streams

BATCH = [scored(number % 3, f"/{number}", events=1 + number) for number in range(40)]
ERROR = b'{"error":{"type":"security_exception","reason":"no"},"status":%d}'


def paused(outcomes: object) -> bool:
    return isinstance(outcomes, list) and all(isinstance(outcome, Retry) and outcome.paused for outcome in outcomes)


def test_only_what_was_refused_for_a_full_queue_is_to_be_sent_again(streams: Streams) -> None:
    proxy = streams.proxy(at({1: Busy(0.4, seed=7)}))
    exporter = streams.exporter(proxy.url)
    outcomes = exporter.export(BATCH)
    again = [item for item, outcome in zip(BATCH, outcomes, strict=True) if isinstance(outcome, Retry)]
    assert 5 < len(again) < 35
    assert not any(isinstance(outcome, Retry) and outcome.paused for outcome in outcomes)
    assert exporter.export(again) == [Delivered()] * len(again)
    assert proxy.documents.total() == len(BATCH) + len(again)


@pytest.mark.parametrize(
    "fault", [Reset(after=True), Reset(after=False), Cut(), Status(504, after=True), Status(200, b"<html>", after=True)]
)
def test_what_was_stored_without_an_answer_is_not_stored_again(streams: Streams, fault: Fault) -> None:
    """Neither by asking again, which `create` refuses, nor when the stream has rolled over meanwhile."""
    exporter = streams.exporter(streams.proxy(at({2: fault})).url)
    exporter.export(BATCH[:1])
    assert paused(exporter.export(BATCH))
    streams.rollover()
    stored = not isinstance(fault, Reset) or fault.after
    assert exporter.export(BATCH) == [Delivered(duplicate=True)] + [Delivered(duplicate=stored)] * (len(BATCH) - 1)
    assert streams.ids() == sorted(item.id for item in BATCH)


def test_a_connection_that_was_refused_leaves_no_doubt(streams: Streams) -> None:
    proxy = streams.proxy()
    exporter = streams.exporter(proxy.url)
    proxy.close()
    assert paused(exporter.export(BATCH))


def test_a_place_that_takes_nothing_pauses(streams: Streams) -> None:
    statuses = [301, 401, 403, 404, 405, 407, 408, 500, 502, 503]
    proxy = streams.proxy(at({number: Status(status, ERROR % status) for number, status in enumerate(statuses, 1)}))
    exporter = streams.exporter(proxy.url)
    assert all(paused(exporter.export(BATCH[:3])) for _ in statuses)
    assert exporter.export(BATCH[:3]) == [Delivered()] * 3
    assert proxy.statuses("_bulk") == [*statuses, 200]


def test_a_whole_request_that_is_too_many_waits_a_little(streams: Streams) -> None:
    exporter = streams.exporter(streams.proxy(at({1: Status(429)})).url)
    (outcome,) = exporter.export(BATCH[:1])
    assert isinstance(outcome, Retry)
    assert not outcome.paused


def too_large(limit: int, status: int = 413) -> object:
    return lambda request: Status(status, b"" if status == 413 else ERROR % status) if len(request.body) > limit else None


@pytest.mark.parametrize("status", [413, 400])
def test_too_large_a_request_is_halved_until_it_fits(streams: Streams, status: int) -> None:
    """413 has an empty body. One document that is larger than allowed by itself is given up, and no other."""
    giant = msgspec.structs.replace(BATCH[20], score=msgspec.structs.replace(BATCH[20].score, votes="x" * 50_000))
    items = [*BATCH[:20], giant, *BATCH[21:]]
    proxy = streams.proxy(too_large(20_000, status))  # type: ignore[arg-type]
    outcomes = streams.exporter(proxy.url).export(items)
    rejected = outcomes[20]
    assert isinstance(rejected, Rejected)
    assert rejected.status == status
    assert [outcome for place, outcome in enumerate(outcomes) if place != 20] == [Delivered()] * 39
    assert len(streams.ids()) == 39


def test_a_question_that_is_not_answered_sends_nothing(streams: Streams) -> None:
    """Without the right to read, a repeat after a rollover would go unseen: that is for a person to mend."""
    faults = lambda request: Status(403, ERROR % 403) if urlsplit(request.path).path.endswith("_field_caps") else None  # noqa: E731
    proxy = streams.proxy(faults)
    outcomes = streams.exporter(proxy.url, repeats=True).export(BATCH)
    assert paused(outcomes)
    assert proxy.documents.total() == 0


def test_an_alert_without_an_answer_is_not_stored_again_after_a_rollover(streams: Streams) -> None:
    exporter = streams.exporter(streams.proxy(at({2: Cut()})).url)
    item = scored(9)
    assert paused(exporter.export([item]))
    streams.rollover("alerts")
    assert exporter.export([item]) == [Delivered(duplicate=True)]
    assert streams.ids("alerts") == [item.id]


def test_chunks_after_one_that_did_not_pass_are_not_tried(streams: Streams) -> None:
    proxy = streams.proxy(at({2: Reset(after=False)}))
    outcomes = streams.exporter(proxy.url, chunk=10, in_flight=1).export(BATCH)
    assert outcomes[:10] == [Delivered()] * 10
    assert paused(outcomes[10:])
    assert len(proxy.statuses("_bulk")) == 2


def test_of_requests_side_by_side_only_those_under_way_end_after_one_that_did_not_pass(streams: Streams) -> None:
    """And none counts as delivered because another was: an item is delivered where it is stored, and nowhere else."""
    third = BATCH[10].id.encode()
    proxy = streams.proxy(lambda request: Status(403, ERROR % 403) if third in request.body else None)
    outcomes = streams.exporter(proxy.url, chunk=5, in_flight=2).export(BATCH)
    assert outcomes[:10] == [Delivered()] * 10
    assert paused(outcomes[10:15])
    assert paused(outcomes[20:])
    assert streams.ids() == sorted(item.id for item, end in zip(BATCH, outcomes, strict=True) if end == Delivered())
    assert len(proxy.statuses("_bulk")) in (3, 4)


def test_requests_are_under_way_side_by_side_and_answered_in_order(streams: Streams) -> None:
    both = threading.Barrier(2, timeout=20)

    def meet(request: Request) -> None:
        if request.bulk:
            both.wait()

    proxy = streams.proxy(meet)
    assert streams.exporter(proxy.url, chunk=10).export(BATCH[:20]) == [Delivered()] * 20
    again = streams.exporter(chunk=3).export(BATCH)
    assert again == [Delivered(duplicate=True)] * 20 + [Delivered()] * 20


@pytest.mark.parametrize("what", ["_field_caps", "_search", "_mget"])
@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"[]"])
def test_a_page_of_somebody_else_is_no_answer_to_a_question(streams: Streams, what: str, body: bytes) -> None:
    exporter = streams.exporter()
    exporter.export(BATCH[:1])
    streams.rollover()
    proxy = streams.proxy(lambda request: Status(200, body) if urlsplit(request.path).path.endswith(what) else None)
    assert paused(streams.exporter(proxy.url, repeats=True).export(BATCH))
    assert proxy.documents.total() == 0


def test_an_alert_that_did_not_land_is_sent_again_with_its_score(streams: Streams) -> None:
    exporter = streams.exporter(streams.proxy(at({2: Status(503)})).url)
    item = scored(9)
    assert paused(exporter.export([item]))
    assert (streams.ids(), streams.ids("alerts")) == ([item.id], [])
    assert exporter.export([item]) == [Delivered()]
    assert streams.ids("alerts") == [item.id]


def test_one_who_cannot_prove_who_they_are_is_sent_nothing(tmp_path: Path) -> None:
    certificate = Authority(tmp_path).sign("node")
    with Proxy("http://127.0.0.1:9", tls=serving(certificate)) as proxy:
        exporter = Elasticsearch(ElasticsearchConfig(url=proxy.url))
        with pytest.raises(Untrusted, match=r"not to be trusted: .*; name its authority with ca_file"):
            exporter.export([scored(1)])
        exporter.close()
        assert proxy.requests == []


SECRETS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=40).map("planted".__add__)
ANSWERS: list[Fault] = [
    Status(status, b'{"error":{"type":"security_exception","reason":"missing authentication credentials"}}')
    for status in (200, 302, 400, 401, 403, 404, 413, 429, 500)
]


@settings(max_examples=4)
@given(SECRETS, st.booleans())
def test_a_secret_is_in_no_text(secret: str, key: bool) -> None:
    who = {"api_key": Secret(secret)} if key else {"username": "someone", "password": Secret(secret)}
    answers = dict(enumerate([*ANSWERS, Reset(after=False)], 1))
    with Proxy("http://127.0.0.1:9", at(answers)) as proxy:
        config = ElasticsearchConfig(url=proxy.url, **who)  # type: ignore[arg-type]
        exporter = Elasticsearch(config)
        outcomes = [exporter.export([scored(1)]) for _ in answers]
        exporter.close()
        sent = {request.headers["authorization"].split()[1] for request, _ in proxy.requests}
    assert len(sent) == 1
    assert all(word not in f"{config!r}{exporter!r}{vars(exporter)!r}{outcomes!r}" for word in (secret, *sent))


def test_a_request_says_what_it_is(streams: Streams) -> None:
    seen: list[Request] = []
    proxy = streams.proxy(lambda request: seen.append(request))
    item: Scored = scored(1)
    streams.exporter(proxy.url).export([item])
    assert seen[0].headers["content-type"] == "application/x-ndjson"
    assert urlsplit(seen[0].path).path == f"/{streams.name()}/_bulk"
