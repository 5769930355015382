"""Jobs over a real Elasticsearch while networks and clusters fail: each record ends once, and nothing is stored twice.

Each test is one of the faults that a scheduled job must bear, on a real node with the proxy of `services.proxy` between, by
`logsentry enrich` as a process. The oracle (`services.weblogs.check`) compares what is stored with what an undisturbed job stores.

Here: killed at 20 random points (200 in `tests/soak`), SIGTERM, 429 among 201, stored and then broken off, 503 for a while, a
mapping conflict, refusals that pause, 413, rollover between two tries, odd clocks. Elsewhere: full disks, damaged state and breakers
with a fake clock in `tests/unit/pipeline`, files that rotate in `test_files_resume`, bytes that no parser likes in `tests/soak`,
two runs at once in `test_enrich_command`, injection, redirects, TLS and secrets in `test_elasticsearch_trust`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch
from services.enrichment import Job, configure, kill_once
from services.passes import Ended, Passes
from services.proxy import Busy, Cut, Fault, Phase, Proxy, Request, Reset, Slow, Status, at
from services.weblogs import Planted, Store, check, dead_letters, make_streams, plant, stored

DOCUMENTS = 800
KILLED_DOCUMENTS = 4_000
KILLS = 20
BATCH = 48
"""Windows a pass delivers at a time, so that these short jobs have several batches."""

DEAD_LETTERED = 4
"""The exit code of a pass that dead-lettered something, which each of these does: some lines are spoilt."""


@pytest.fixture(scope="module")
def passes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passes]:
    found = Passes(tmp_path_factory.mktemp("passes"), BATCH)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(elasticsearch: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch) as found:
        yield found


@pytest.fixture(scope="module")
def planted(client: Elasticsearch) -> Iterator[Planted]:
    found = plant(client, f"weblogs-{uuid4().hex[:12]}", DOCUMENTS)
    yield found
    client.indices.delete(index=found.index)


@pytest.fixture
def namespace(client: Elasticsearch) -> str:
    name = f"tests_{uuid4().hex[:12]}"
    make_streams(client, name)
    return name


@pytest.fixture(scope="module")
def undisturbed(
    passes: Passes, client: Elasticsearch, planted: Planted, elasticsearch: str, tmp_path_factory: pytest.TempPathFactory
) -> Store:
    return undisturbed_job(passes, client, planted, elasticsearch, tmp_path_factory.mktemp("undisturbed"))


def undisturbed_job(passes: Passes, client: Elasticsearch, planted: Planted, url: str, folder: Path) -> Store:
    name = f"tests_{uuid4().hex[:12]}"
    make_streams(client, name)
    job = configure(folder, url, planted.index, name)
    done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    found = stored(client, name)
    check(planted, found, found, job.dead_letters)
    return found


def job_through(proxy: Proxy, folder: Path, elasticsearch: str, planted: Planted, namespace: str, **writing: object) -> Job:
    """A job that reads from the node itself, and writes through the proxy."""
    return configure(
        folder,
        proxy.url,
        planted.index,
        namespace,
        reading={"url": elasticsearch},
        writing=writing,
    )


def written(proxy: Proxy) -> list[int]:
    """How many documents each bulk request had."""
    return [len(request.body.splitlines()) // 2 for request, _ in proxy.requests if request.bulk]


def test_only_what_was_busy_is_sent_again(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    with Proxy(elasticsearch, lambda request: Busy(0.3, 5) if request.bulk in (1, 3, 4) else None) as proxy:
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)
    assert proxy.held
    assert proxy.documents == {name: 1 + proxy.held[name] for name in proxy.documents}


@pytest.mark.parametrize(
    "fault",
    [Reset(), Reset(after=False), Cut(), Status(504, after=True), Status(502, after=True), Slow(2.5)],
    ids=["reset", "reset-before", "cut", "504", "502", "too-slow"],
)
def test_what_was_stored_and_then_broken_off_is_stored_once(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
    fault: Fault,
) -> None:
    with Proxy(elasticsearch, at({1: fault, 3: fault})) as proxy:
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace, timeout=1.0)
        done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)


def test_a_rollover_between_two_tries_makes_no_second_copy(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    def roll(request: Request, phase: Phase) -> None:
        if request.bulk in (2, 4) and phase == "done":
            client.indices.rollover(alias=f"logs-logsentry.scores-{namespace}")

    with Proxy(elasticsearch, at({2: Reset(), 4: Status(504, after=True)})) as proxy:
        proxy.watch = roll
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    found = stored(client, namespace)
    assert found.backing > 1
    check(planted, found, undisturbed, job.dead_letters)


def test_a_server_that_is_away_is_asked_with_one_document_at_a_time(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    with Proxy(elasticsearch, lambda request: Status(503) if 2 <= request.bulk <= 6 else None) as proxy:
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)
    assert written(proxy)[5] == 1, "by the fifth failure in a row one document is the question"
    alarms = [line for line in done.err.splitlines() if "takes " in line]
    assert len(alarms) == 2, done.err


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_that_a_person_can_mend_pauses_the_job(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
    status: int,
) -> None:
    letters: list[int] = []

    def refuse(request: Request) -> Fault | None:
        if 2 <= request.bulk <= 4:
            letters.append(sum(letter["document"] not in planted.bad for letter in dead_letters(job.dead_letters)))
            return Status(status, b'{"error":{"type":"security_exception","reason":"not now"}}')
        return None

    with Proxy(elasticsearch, refuse) as proxy:
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)
    assert letters == [0, 0, 0], "what is only paused is no dead letter"


def test_a_write_block_pauses_the_job_until_it_is_lifted(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    blocking = block(client, namespace, first=2, last=5)
    with Proxy(elasticsearch) as proxy:
        proxy.watch = blocking
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)


def block(client: Elasticsearch, namespace: str, first: int, last: int) -> Callable[[Request, Phase], None]:
    """Blocks writing to the streams before the bulk request `first`, and lifts that before the request `last`."""

    def watch(request: Request, phase: Phase) -> None:
        if phase == "asked" and request.bulk in (first, last):
            client.indices.put_settings(
                index=f"logs-logsentry.*-{namespace}", settings={"index.blocks.write": request.bulk == first}
            )

    return watch


def test_a_pass_that_gives_up_keeps_its_place(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    with Proxy(elasticsearch, lambda request: Status(503) if request.bulk >= 3 else None) as proxy:
        writing = {"url": proxy.url}
        job = configure(tmp_path, elasticsearch, planted.index, namespace, writing=writing, patience=1)
        done = passes.run("enrich", job.config)
        assert done.code == 1, done.err
        assert "Traceback" not in done.err
        proxy.faults = lambda request: None
        again = passes.run("enrich", job.config)
    assert again.code == DEAD_LETTERED, again.err
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)


def test_a_body_that_is_too_large_is_halved_until_it_fits(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    with Proxy(elasticsearch, lambda request: Status(413) if request.bulk and len(request.body) > 20_000 else None) as proxy:
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    assert 413 in proxy.statuses("/_bulk")
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)


def test_a_document_that_is_too_large_by_itself_is_dead_lettered(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    with Proxy(elasticsearch, lambda request: Status(413) if request.bulk and len(request.body) > 2_200 else None) as proxy:
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    found, letters = stored(client, namespace), dead_letters(job.dead_letters)
    large = {letter["document"] for letter in letters if letter.get("status") == 413}
    assert large
    assert found.documents
    assert found.documents | large == planted.good
    assert not found.documents & large
    assert not found.doubled


def test_what_a_mapping_refuses_is_dead_lettered_and_replayed_once_it_is_mended(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    make_streams(client, namespace, **{"logsentry.key": {"type": "ip"}})
    index = f"weblogs-{uuid4().hex[:12]}"
    plant(client, index, DOCUMENTS)  # the same lines under the same ids
    for number in range(5):
        line = '- - [20/May/2015:00:05:11 +0000] "GET /style2.css HTTP/1.1" 200 4877 "-" "curl/7.1"'
        document = {"@timestamp": "2015-05-20T00:05:11Z", "message": f"gateway{number}.example {line}"}
        client.index(index=index, id=f"named{number}", document=document, refresh=True)
    named = {f"named{number}" for number in range(5)}
    job = configure(tmp_path, elasticsearch, index, namespace)
    done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    refused = [letter for letter in dead_letters(job.dead_letters) if letter.get("status") == 400]
    assert {letter["document"] for letter in refused} == named
    assert all(letter["index"] == index and letter["error"] for letter in refused)
    assert stored(client, namespace).documents == planted.good
    make_streams(client, namespace)
    client.indices.rollover(alias=f"logs-logsentry.scores-{namespace}")
    for _ in range(2):
        replayed = passes.run("dlq", "replay", job.config)
        assert "Traceback" not in replayed.err
    found = stored(client, namespace)
    assert found.documents == planted.good | named, replayed.err
    assert not found.doubled
    assert not named & {letter["document"] for letter in dead_letters(job.dead_letters)}
    client.indices.delete(index=index)


def test_a_replay_takes_nothing_out_that_did_not_land(
    passes: Passes, elasticsearch: str, client: Elasticsearch, planted: Planted, namespace: str, tmp_path: Path
) -> None:
    job = configure(tmp_path, elasticsearch, planted.index, namespace)
    assert passes.run("enrich", job.config).code == DEAD_LETTERED
    assert passes.run("dlq", "replay", job.config).code == DEAD_LETTERED
    assert {letter["document"] for letter in dead_letters(job.dead_letters)} == planted.bad


def test_documents_of_one_moment_keep_their_order_when_segments_are_merged(
    passes: Passes, elasticsearch: str, client: Elasticsearch, namespace: str, tmp_path: Path
) -> None:
    index = f"weblogs-{uuid4().hex[:12]}"
    chance = Random(3)
    for part in range(12):  # segments of uneven sizes, which a merge puts into another order
        for number in range(chance.randint(1, 9)):
            line = f'10.1.2.3 - - [20/May/2015:00:05:11 +0000] "GET /{part}/{number} HTTP/1.1" 200 48 "-" "curl/7.1"'
            client.index(index=index, id=f"{part}-{number}", document={"@timestamp": "2015-05-20T00:05:11Z", "message": line})
        client.indices.refresh(index=index)
    for folder in ("before", "after"):
        job = configure(tmp_path / folder, elasticsearch, index, namespace)
        assert passes.run("enrich", job.config).code == 0
        client.indices.forcemerge(index=index, max_num_segments=1)
        client.indices.refresh(index=index)
    found = stored(client, namespace)
    client.indices.delete(index=index)
    assert len(found.scores) == 1, "the same events in another order are another window"


def access_line(host: str, moment: datetime) -> str:
    return f'{host} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET / HTTP/1.1" 200 48 "-" "curl/7.1"'


def test_odd_clocks_neither_lose_a_document_nor_hold_up_the_others(
    passes: Passes, elasticsearch: str, client: Elasticsearch, namespace: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    index, day, hour = f"weblogs-{uuid4().hex[:12]}", timedelta(days=1), timedelta(hours=1)
    times = {
        "first": datetime(1601, 1, 1),
        "back": now - 30 * hour,
        "usual": now - 28 * hour,
        "ahead": now + day,
        "last": datetime(9999, 12, 31),
    }
    for number, (name, moment) in enumerate(times.items()):
        line = access_line(f"192.0.2.{number}", moment)
        client.index(index=index, id=name, document={"@timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}Z", "message": line}, refresh=True)
    job = configure(tmp_path, elasticsearch, index, namespace)
    assert passes.run("enrich", job.config).code == 0
    assert stored(client, namespace).documents == {"first", "back", "usual"}
    late = now - 28 * hour - timedelta(minutes=2)
    line = access_line("198.51.100.1", late)
    client.index(index=index, id="late", document={"@timestamp": f"{late:%Y-%m-%dT%H:%M:%S}Z", "message": line}, refresh=True)
    done = passes.run("enrich", job.config)
    assert done.code == 0, done.err
    assert stored(client, namespace).documents == {"first", "back", "usual", "late"}
    client.indices.delete(index=index)


def test_a_line_from_the_future_does_not_pin_the_job(
    passes: Passes, elasticsearch: str, client: Elasticsearch, namespace: str, tmp_path: Path
) -> None:
    """Its document is old enough, and only the clock of whoever wrote the line was wrong: no later event will end its session."""
    index, written = f"weblogs-{uuid4().hex[:12]}", datetime.now(UTC) - timedelta(days=2)
    for number, moment in enumerate([written + timedelta(days=400), *[written] * 3]):
        document = {"@timestamp": f"{written:%Y-%m-%dT%H:%M:%S}Z", "message": access_line(f"192.0.2.{number}", moment)}
        client.index(index=index, id=str(number), document=document, refresh=True)
    job = configure(tmp_path, elasticsearch, index, namespace)
    assert passes.run("enrich", job.config).code == 0
    client.indices.delete(index=index)
    assert stored(client, namespace).documents == {"0", "1", "2", "3"}


def test_sigterm_ends_a_pass_well_and_the_next_one_goes_on(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    with Proxy(elasticsearch, lambda request: Slow(0.2) if request.bulk else None) as proxy:
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        ended = terminated(passes, proxy, job, bulk=2)
        assert ended.code in (0, DEAD_LETTERED), ended.err
        assert "read " in ended.err
        first = len(stored(client, namespace).scores)
        assert 0 < first < len(undisturbed.scores)
        assert passes.run("enrich", job.config).code in (0, DEAD_LETTERED)
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)


def test_a_second_sigterm_ends_it_at_once_and_loses_nothing(
    passes: Passes,
    elasticsearch: str,
    client: Elasticsearch,
    planted: Planted,
    undisturbed: Store,
    namespace: str,
    tmp_path: Path,
) -> None:
    with Proxy(elasticsearch, lambda request: Slow(1.5) if request.bulk == 2 else None) as proxy:
        job = job_through(proxy, tmp_path, elasticsearch, planted, namespace)
        ended = terminated(passes, proxy, job, bulk=2, times=2)
        assert ended.code == 143, ended.err
        assert passes.run("enrich", job.config).code in (0, DEAD_LETTERED)
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)


def terminated(passes: Passes, proxy: Proxy, job: Job, bulk: int, times: int = 1) -> Ended:
    """A pass that gets SIGTERM when it sends this bulk request."""
    process: list[int] = []

    def watch(request: Request, phase: Phase) -> None:
        if request.bulk == bulk and phase == "asked":
            for _ in range(times):
                running.signal(signal.SIGTERM)
                time.sleep(0.2)

    proxy.watch = watch
    running = passes.start("enrich", job.config)
    process.append(running.process)
    ended = running.wait()
    proxy.watch = lambda request, phase: None
    return ended


def test_killed_at_twenty_points_it_stores_what_an_undisturbed_job_stores(
    passes: Passes, elasticsearch: str, client: Elasticsearch, namespace: str, tmp_path: Path
) -> None:
    planted = plant(client, f"weblogs-{uuid4().hex[:12]}", KILLED_DOCUMENTS)
    undisturbed = undisturbed_job(passes, client, planted, elasticsearch, tmp_path / "undisturbed")
    chance, killed, started = Random(20), 0, 0
    with Proxy(elasticsearch) as proxy:
        job = configure(tmp_path, proxy.url, planted.index, namespace, reading={"page": 200})
        while killed < KILLS:
            killed += kill_once(passes, proxy, job, chance, phases=30)
            started += 1
            assert started < 4 * KILLS, "the job ends before it is killed: it has too little to do"
            if started % 6 == 0 and client.indices.exists(index=f"logs-logsentry.scores-{namespace}"):
                client.indices.rollover(alias=f"logs-logsentry.scores-{namespace}")
        assert passes.run("enrich", job.config).code in (0, DEAD_LETTERED)
    found = stored(client, namespace)
    check(planted, found, undisturbed, job.dead_letters)
    client.indices.delete(index=planted.index)
