"""Jobs over a real Elasticsearch whose documents have odd times: none is lost, none holds up the others, and order is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from elasticsearch import Elasticsearch
from services.enrichment import configure
from services.passes import Passes
from services.weblogs import own_index, stored


def test_documents_of_one_moment_keep_their_order_when_segments_are_merged(
    passes: Passes, elasticsearch: str, client: Elasticsearch, namespace: str, tmp_path: Path
) -> None:
    index = own_index()
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
    index, day, hour = own_index(), timedelta(days=1), timedelta(hours=1)
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
    index, written = own_index(), datetime.now(UTC) - timedelta(days=2)
    for number, moment in enumerate([written + timedelta(days=400), *[written] * 3]):
        document = {"@timestamp": f"{written:%Y-%m-%dT%H:%M:%S}Z", "message": access_line(f"192.0.2.{number}", moment)}
        client.index(index=index, id=str(number), document=document, refresh=True)
    job = configure(tmp_path, elasticsearch, index, namespace)
    assert passes.run("enrich", job.config).code == 0
    client.indices.delete(index=index)
    assert stored(client, namespace).documents == {"0", "1", "2", "3"}
