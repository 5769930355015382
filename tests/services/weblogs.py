"""An index of raw access-log lines, and what must have become of each of its documents when a job over it is done.

Lines are those of the demo's logs, in order of time, copied with other hosts where more are asked for. Some are spoilt: every
hundredth is no access line, or lacks its field, or is a comment. The oracle is read from the servers and files themselves: **scored,
dead-lettered and filtered documents together are the index, and each score is stored once over all backing indices.**
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk, scan

import logsentry

LOGS = Path(logsentry.__file__).parent / "demo" / "logs"
COMMENT = "# rotated"
GARBAGE = "this is no line of an access log"


class Planted(msgspec.Struct, frozen=True):
    """The ids of an index's documents by what must become of them."""

    index: str
    good: frozenset[str]
    filtered: frozenset[str]
    bad: frozenset[str]

    @property
    def count(self) -> int:
        return len(self.good) + len(self.filtered) + len(self.bad)


class Store(msgspec.Struct, frozen=True):
    """What is in the score streams of one namespace: how often each score id is there, and whose scores they are."""

    scores: Counter[str]
    documents: frozenset[str]
    backing: int

    @property
    def doubled(self) -> list[str]:
        return [name for name, count in self.scores.items() if count > 1]


def lines(count: int) -> Iterator[tuple[datetime, str]]:
    """(time, line), in order of time."""
    days = [gzip.decompress(path.read_bytes()).decode().splitlines() for path in sorted(LOGS.glob("ordinary-*.gz"))]
    ordinary = [line for day in days for line in day]
    copies = cycle([""]) if count <= len(ordinary) else (f"10.{number // 250}.{number % 250}." for number in range(10**6))
    many = islice(((prefix + line) for prefix in copies for line in ordinary), count)
    yield from sorted(
        (datetime.strptime(line[line.index("[") + 1 : line.index("]")], "%d/%b/%Y:%H:%M:%S %z"), line) for line in many
    )


def plant(client: Elasticsearch, index: str, count: int) -> Planted:
    """An index of so many documents, `@timestamp` and `message`; every hundredth line is spoilt."""
    properties = {"@timestamp": {"type": "date"}, "message": {"type": "keyword", "index": False, "doc_values": False}}
    client.indices.create(index=index, mappings={"properties": properties}, settings={"number_of_replicas": 0})
    good, filtered, bad = set[str](), set[str](), set[str]()
    actions = []
    for number, (time, line) in enumerate(lines(count)):
        name, document = f"d{number:07}", {"@timestamp": time.isoformat(), "message": line}
        kind = number // 100 % 3 if number % 100 == 99 else -1
        if kind == 0:
            document["message"] = COMMENT
        elif kind == 1:
            document["message"] = GARBAGE
        elif kind == 2:
            del document["message"]
        (good if kind < 0 else filtered if kind == 0 else bad).add(name)
        actions.append({"_index": index, "_id": name, **document})
    bulk(client, actions, chunk_size=5000, refresh=True)
    return Planted(index, frozenset(good), frozenset(filtered), frozenset(bad))


def make_streams(client: Elasticsearch, namespace: str, **properties: Any) -> None:
    """A template for the data streams of one namespace, above those that others may have put in.

    They stay until the node goes: the zip of the tests has no way to delete a data stream.
    """
    mappings = {"dynamic": False, "properties": {"@timestamp": {"type": "date"}, **properties}}
    client.indices.put_index_template(
        name=f"tests-{namespace}",
        index_patterns=[f"logs-logsentry.*-{namespace}"],
        priority=1_000_000,
        data_stream={},
        template={"mappings": mappings, "settings": {"number_of_replicas": 0, "number_of_shards": 1}},
    )


def own_streams(client: Elasticsearch) -> str:
    """A namespace that nobody else has, with a template for its streams."""
    name = f"tests_{uuid4().hex[:12]}"
    make_streams(client, name)
    return name


def own_index() -> str:
    """A name for an index that nobody else has."""
    return f"weblogs-{uuid4().hex[:12]}"


def stored(client: Elasticsearch, namespace: str) -> Store:
    """Both streams of a namespace, read with the client's own `scan`."""
    pattern = f"logs-logsentry.scores-{namespace}"
    client.indices.refresh(index=pattern, ignore_unavailable=True)
    scores, documents, backing = Counter[str](), set[str](), set[str]()
    for hit in scan(client, index=pattern, size=5000, _source=["logsentry.source"], ignore_unavailable=True):
        scores[hit["_id"]] += 1
        backing.add(hit["_index"])
        documents.update(listed(hit["_source"]["logsentry"].get("source", {}).get("id", [])))
    return Store(scores, frozenset(documents), len(backing))


def dead_letters(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def listed(value: Any) -> Sequence[str]:
    return value if isinstance(value, list) else [value]


def check(planted: Planted, found: Store, undisturbed: Store, dead: Path) -> None:
    """The oracle. Raises `AssertionError` that names what is missing, doubled or unknown."""
    missing, unknown = undisturbed.scores.keys() - found.scores.keys(), found.scores.keys() - undisturbed.scores.keys()
    assert not missing, f"{len(missing)} of {len(undisturbed.scores)} scores are missing, for instance {min(missing)}"
    assert not unknown, f"{len(unknown)} scores are not those of an undisturbed run, for instance {min(unknown)}"
    assert not found.doubled, f"{len(found.doubled)} scores are stored twice, for instance {min(found.doubled)}"
    assert found.documents == planted.good, (
        f"{len(planted.good ^ found.documents)} documents are in no score, or should be in none"
    )
    buried = Counter(letter["document"] for letter in dead_letters(dead))
    assert buried.keys() == planted.bad, f"{len(buried.keys() ^ planted.bad)} documents are wrongly in or out of the dead letters"
    assert max(buried.values(), default=1) == 1, "a document is in the dead letters twice"
