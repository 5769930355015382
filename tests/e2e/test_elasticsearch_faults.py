"""Jobs over a real Elasticsearch while networks and clusters fail: each record ends once, and nothing is stored twice.

Each test is one of the faults that a scheduled job must bear, on a real node with the proxy of `services.proxy` between, by
`logsentry enrich` as a process. The oracle (`services.weblogs.check`) compares what is stored with what an undisturbed job stores.

Here: 429 among 201, stored and then broken off, 503 for a while, a mapping conflict, refusals that pause, 413, rollover between two
tries. Beside it: kills and SIGTERM in `test_elasticsearch_interrupted`, odd clocks in `test_elasticsearch_clocks`. Elsewhere: full
disks, damaged state and breakers with a fake clock in `tests/unit/pipeline`, files that rotate in `test_files_resume`, bytes that no
parser likes in `tests/soak`, two runs at once in `test_enrich_command`, injection, redirects, TLS and secrets in
`test_elasticsearch_trust`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch
from services.disturbed import DEAD_LETTERED, DOCUMENTS, Disturbed
from services.enrichment import configure
from services.passes import Passes
from services.proxy import Busy, Cut, Fault, Phase, Proxy, Request, Reset, Slow, Status, at
from services.weblogs import Planted, dead_letters, make_streams, own_index, plant


def written(proxy: Proxy) -> list[int]:
    """How many documents each bulk request had."""
    return [len(request.body.splitlines()) // 2 for request, _ in proxy.requests if request.bulk]


def test_only_what_was_busy_is_sent_again(disturbed: Disturbed) -> None:
    with Proxy(disturbed.url, lambda request: Busy(0.3, 5) if request.bulk in (1, 3, 4) else None) as proxy:
        disturbed.run(disturbed.job(proxy))
    assert proxy.held
    assert proxy.documents == {name: 1 + proxy.held[name] for name in proxy.documents}


@pytest.mark.parametrize(
    "fault",
    [Reset(), Reset(after=False), Cut(), Status(504, after=True), Status(502, after=True), Slow(2.5)],
    ids=["reset", "reset-before", "cut", "504", "502", "too-slow"],
)
def test_what_was_stored_and_then_broken_off_is_stored_once(disturbed: Disturbed, fault: Fault) -> None:
    with Proxy(disturbed.url, at({1: fault, 3: fault})) as proxy:
        disturbed.run(disturbed.job(proxy, writing={"timeout": 1.0}))


def test_a_rollover_between_two_tries_makes_no_second_copy(disturbed: Disturbed) -> None:
    def roll(request: Request, phase: Phase) -> None:
        if request.bulk in (2, 4) and phase == "done":
            disturbed.client.indices.rollover(alias=f"logs-logsentry.scores-{disturbed.namespace}")

    with Proxy(disturbed.url, at({2: Reset(), 4: Status(504, after=True)})) as proxy:
        proxy.watch = roll
        disturbed.run(disturbed.job(proxy))
    assert disturbed.found().backing > 1


def test_a_server_that_is_away_is_asked_with_one_document_at_a_time(disturbed: Disturbed) -> None:
    with Proxy(disturbed.url, lambda request: Status(503) if 2 <= request.bulk <= 6 else None) as proxy:
        done = disturbed.run(disturbed.job(proxy))
    assert written(proxy)[5] == 1, "by the fifth failure in a row one document is the question"
    alarms = [line for line in done.err.splitlines() if "takes " in line]
    assert len(alarms) == 2, done.err


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_that_a_person_can_mend_pauses_the_job(disturbed: Disturbed, status: int) -> None:
    letters: list[int] = []

    def refuse(request: Request) -> Fault | None:
        if 2 <= request.bulk <= 4:
            letters.append(sum(letter["document"] not in disturbed.planted.bad for letter in dead_letters(job.dead_letters)))
            return Status(status, b'{"error":{"type":"security_exception","reason":"not now"}}')
        return None

    with Proxy(disturbed.url, refuse) as proxy:
        job = disturbed.job(proxy)
        disturbed.run(job)
    assert letters == [0, 0, 0], "what is only paused is no dead letter"


def test_a_write_block_pauses_the_job_until_it_is_lifted(disturbed: Disturbed) -> None:
    blocking = block(disturbed.client, disturbed.namespace, first=2, last=5)
    with Proxy(disturbed.url) as proxy:
        proxy.watch = blocking
        disturbed.run(disturbed.job(proxy))


def block(client: Elasticsearch, namespace: str, first: int, last: int) -> Callable[[Request, Phase], None]:
    """Blocks writing to the streams before the bulk request `first`, and lifts that before the request `last`."""

    def watch(request: Request, phase: Phase) -> None:
        if phase == "asked" and request.bulk in (first, last):
            client.indices.put_settings(
                index=f"logs-logsentry.*-{namespace}", settings={"index.blocks.write": request.bulk == first}
            )

    return watch


def test_a_pass_that_gives_up_keeps_its_place(disturbed: Disturbed) -> None:
    with Proxy(disturbed.url, lambda request: Status(503) if request.bulk >= 3 else None) as proxy:
        job = disturbed.job(proxy, patience=1)
        done = disturbed.passes.run("enrich", job.config)
        assert done.code == 1, done.err
        assert "Traceback" not in done.err
        proxy.faults = lambda request: None
        disturbed.run(job)


def test_a_body_that_is_too_large_is_halved_until_it_fits(disturbed: Disturbed) -> None:
    with Proxy(disturbed.url, lambda request: Status(413) if request.bulk and len(request.body) > 20_000 else None) as proxy:
        disturbed.run(disturbed.job(proxy))
    assert 413 in proxy.statuses("/_bulk")


def test_a_document_that_is_too_large_by_itself_is_dead_lettered(disturbed: Disturbed) -> None:
    with Proxy(disturbed.url, lambda request: Status(413) if request.bulk and len(request.body) > 2_200 else None) as proxy:
        job = disturbed.job(proxy)
        done = disturbed.passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    found, letters = disturbed.found(), dead_letters(job.dead_letters)
    large = {letter["document"] for letter in letters if letter.get("status") == 413}
    assert large
    assert found.documents
    assert found.documents | large == disturbed.planted.good
    assert not found.documents & large
    assert not found.doubled


def test_what_a_mapping_refuses_is_dead_lettered_and_replayed_once_it_is_mended(disturbed: Disturbed) -> None:
    passes, client, namespace, index = disturbed.passes, disturbed.client, disturbed.namespace, own_index()
    make_streams(client, namespace, **{"logsentry.key": {"type": "ip"}})
    plant(client, index, DOCUMENTS)  # the same lines under the same ids
    named = {f"named{number}" for number in range(5)}
    for name in sorted(named):
        line = '- - [20/May/2015:00:05:11 +0000] "GET /style2.css HTTP/1.1" 200 4877 "-" "curl/7.1"'
        document = {"@timestamp": "2015-05-20T00:05:11Z", "message": f"{name}.example {line}"}
        client.index(index=index, id=name, document=document, refresh=True)
    job = configure(disturbed.folder, disturbed.url, index, namespace)
    done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    refused = [letter for letter in dead_letters(job.dead_letters) if letter.get("status") == 400]
    assert {letter["document"] for letter in refused} == named
    assert all(letter["index"] == index and letter["error"] for letter in refused)
    assert disturbed.found().documents == disturbed.planted.good
    make_streams(client, namespace)
    client.indices.rollover(alias=f"logs-logsentry.scores-{namespace}")
    for _ in range(2):
        replayed = passes.run("dlq", "replay", job.config)
        assert "Traceback" not in replayed.err
    found = disturbed.found()
    assert found.documents == disturbed.planted.good | named, replayed.err
    assert not found.doubled
    assert not named & {letter["document"] for letter in dead_letters(job.dead_letters)}
    client.indices.delete(index=index)


def test_a_replay_takes_nothing_out_that_did_not_land(
    passes: Passes, elasticsearch: str, planted: Planted, namespace: str, tmp_path: Path
) -> None:
    job = configure(tmp_path, elasticsearch, planted.index, namespace)
    assert passes.run("enrich", job.config).code == DEAD_LETTERED
    assert passes.run("dlq", "replay", job.config).code == DEAD_LETTERED
    assert {letter["document"] for letter in dead_letters(job.dead_letters)} == planted.bad
