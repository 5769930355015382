"""The input `elasticsearch` on a real node: order, resuming, late documents, lost views, slices, and what is no good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import orjson
import pytest
from logsentry_elasticsearch.connection import Answer, Broken, Cluster, Connection
from logsentry_elasticsearch_input import pages, search
from logsentry_elasticsearch_input.config import ElasticsearchInputConfig
from logsentry_elasticsearch_input.content import taking
from logsentry_elasticsearch_input.input import ElasticsearchInput
from logsentry_elasticsearch_input.search import PointInTime

from logsentry.errors import InputError, Unavailable
from logsentry.schema.record import Cursor, Record
from logsentry.testing import InputContract

BEGIN = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MAPPINGS = {"properties": {"@timestamp": {"type": "date"}, "event": {"properties": {"ingested": {"type": "date"}}}}}


class Place:
    """Indices of one test: their names begin alike, and they are removed at its end."""

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"reading-{uuid4().hex[:12]}"
        self.cluster = Cluster(Connection(url=url))

    def create(self, suffix: str = "", **body: Any) -> str:
        index = f"{self.name}{suffix}"
        settings = {"number_of_shards": 1, "number_of_replicas": 0, **body.pop("settings", {})}
        answer = self.cluster.request("PUT", f"/{index}", {"settings": settings, "mappings": MAPPINGS, **body})
        assert answer.status == 200, answer.reason()
        return index

    def add(self, index: str, *documents: dict[str, Any]) -> None:
        """Each with the `_id` that it names, and searchable when this returns."""
        lines = [
            part for one in documents for part in ({"create": {"_id": one["_id"]}}, {k: v for k, v in one.items() if k != "_id"})
        ]
        body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        answer = self.cluster.request("POST", f"/{index}/_bulk", body, {"refresh": "true"}, "application/x-ndjson").json()
        assert not answer["errors"], answer

    def input(self, index: str | None = None, now: float | None = None, **options: Any) -> ElasticsearchInput:
        config = ElasticsearchInputConfig(url=self.url, index=index or f"{self.name}*", **{"overlap": 0.0, **options})
        return ElasticsearchInput(config) if now is None else ElasticsearchInput(config, lambda: now)

    def records(self, after: Cursor | None = None, **options: Any) -> list[Record]:
        input_ = self.input(**options)
        try:
            return [record for record in input_.read(after) if record is not None]
        finally:
            input_.close()

    def close(self) -> None:
        names = ",".join(f"{self.name}{suffix}" for suffix in ("", "-a", "-b", "-c"))
        self.cluster.request("DELETE", f"/{names}", params={"ignore_unavailable": "true"})
        self.cluster.close()


@pytest.fixture
def place(elasticsearch: str) -> Iterator[Place]:
    made = Place(elasticsearch)
    yield made
    made.close()


def lines(count: int, start: int = 0, step: int = 1000) -> list[dict[str, Any]]:
    return [{"_id": f"d{n}", "@timestamp": BEGIN + n * step, "message": f"line {n}"} for n in range(start, start + count)]


def data(records: list[Record]) -> list[bytes]:
    return [record.data for record in records]


@pytest.fixture(scope="module")
def shared(elasticsearch: str) -> Iterator[Place]:
    """Two indices that nobody changes."""
    made = Place(elasticsearch)
    made.add(made.create("-a"), *lines(4, step=3000))
    made.add(made.create("-b"), *({**one, "@timestamp": one["@timestamp"] + 1000} for one in lines(3, step=3000)))
    yield made
    made.close()


class TestContract(InputContract):
    """Documents of different times over two indices, in pages of two."""

    @pytest.fixture(autouse=True)
    def _filled(self, shared: Place) -> None:
        self.place = shared

    def make(self, folder: Path) -> ElasticsearchInput:
        return self.place.input(page=2)


def test_a_record_says_where_its_document_is(place: Place) -> None:
    index = place.create()
    place.add(index, *lines(1))
    (record,) = place.records()
    assert (record.data, record.input, record.origin, record.offset) == (b"line 0", index, f"{index}/d0", 0)
    assert record.address is not None
    assert (record.address.index, record.address.id, record.address.time) == (index, "d0", BEGIN)
    assert (record.address.seq_no, record.address.primary_term) == (0, 1)


@pytest.mark.parametrize("slices", [1, 2])
@pytest.mark.parametrize("suffixes", [("",), ("-a", "-b", "-c")])
def test_every_document_comes_once_in_order_of_time(place: Place, suffixes: tuple[str, ...], slices: int) -> None:
    for number, suffix in enumerate(suffixes):
        index = place.create(suffix, settings={"number_of_shards": 2})
        place.add(index, *({**one, "@timestamp": one["@timestamp"] + number} for one in lines(50)))
    records = place.records(page=7, slices=slices)
    times = [record.address.time for record in records if record.address]
    assert times == sorted(times)
    assert len(records) == len({record.origin for record in records}) == 50 * len(suffixes)


@pytest.mark.parametrize("slices", [1, 2])
def test_documents_of_one_moment_lie_over_many_pages(place: Place, slices: int) -> None:
    for suffix in ("-a", "-b"):
        place.add(place.create(suffix), *lines(20, step=0))
    found = place.records(page=3, slices=slices)
    assert len({record.origin for record in found}) == len(found) == 40


@pytest.mark.parametrize("slices", [1, 2])
@pytest.mark.parametrize("step", [0, 400, 1000])
def test_a_view_that_is_lost_is_made_anew(place: Place, monkeypatch: pytest.MonkeyPatch, step: int, slices: int) -> None:
    """Also with many documents of the moment at which it was lost, and with a document that came meanwhile."""
    monkeypatch.setattr(pages, "FIRST_PAGE", 5)
    index = place.create()
    place.add(index, *({**one, "@timestamp": BEGIN + n * step // 1000 * 1000} for n, one in enumerate(lines(40, step=step))))
    views = opened_views(monkeypatch)
    input_ = place.input(page=5, slices=slices)
    found = []
    for record in input_.read():
        assert record is not None
        found.append(record)
        if len(found) in (7, 8, 21):
            views[-1]._cluster.request("DELETE", "/_pit", {"id": views[-1]._id})
            place.add(index, {"_id": f"late{len(found)}", "@timestamp": BEGIN + 90_000, "message": "late"})
    input_.close()
    origins = [record.origin for record in found]
    assert len(set(origins)) == len(origins)
    assert {f"{index}/d{n}" for n in range(40)} <= set(origins)
    assert len(views) > 2


def test_a_view_that_is_always_lost_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FIRST_PAGE", 2)
    place.add(place.create(), *lines(9))
    opened = PointInTime.__init__

    def opened_and_lost(self: PointInTime, cluster: Cluster, index: str) -> None:
        opened(self, cluster, index)
        cluster.request("DELETE", "/_pit", {"id": self._id})

    monkeypatch.setattr(PointInTime, "__init__", opened_and_lost)
    with pytest.raises(Unavailable, match="keeps losing its view"):
        place.records(page=2)


def opened_views(monkeypatch: pytest.MonkeyPatch) -> list[PointInTime]:
    views: list[PointInTime] = []
    opened = PointInTime.__init__

    def noted(self: PointInTime, cluster: Cluster, index: str) -> None:
        opened(self, cluster, index)
        views.append(self)

    monkeypatch.setattr(PointInTime, "__init__", noted)
    return views


def test_an_index_that_is_deleted_meanwhile_costs_its_own_documents_only(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FIRST_PAGE", 2)
    for suffix in ("-a", "-b"):
        place.add(place.create(suffix), *lines(20))
    input_ = place.input(page=2)
    found = []
    for record in input_.read():
        assert record is not None
        found.append(record)
        if len(found) == 3:
            place.cluster.request("DELETE", f"/{place.name}-a")
    input_.close()
    assert sum(record.origin.startswith(f"{place.name}-b/") for record in found) == 20


def test_a_document_that_comes_late_is_found_within_the_overlap(place: Place) -> None:
    index = place.create()
    place.add(index, *lines(10))
    last = place.records(overlap=5.0)[-1].cursor
    assert place.records(last) == []
    place.add(index, {"_id": "late", "@timestamp": BEGIN + 6500, "message": "late"}, *lines(2, start=10))
    again = place.records(last, overlap=5.0)
    assert data(again) == [b"line 4", b"line 5", b"line 6", b"late", b"line 7", b"line 8", b"line 10", b"line 11"]
    assert data(place.records(last, overlap=1.0)) == [b"line 8", b"line 10", b"line 11"]


def test_a_cursor_never_goes_back(place: Place) -> None:
    """A pass that is cut off in the overlap must not begin before it next time: what was seen there is forgotten by then."""
    index = place.create()
    place.add(index, *lines(10))
    after = place.records()[-1].cursor
    again = place.records(after, overlap=8.0)
    assert len(again) == 8
    assert all(record.cursor == after for record in again)
    assert place.input(overlap=8.0).rereads_from(after) == BEGIN + 1000


def test_nothing_younger_than_the_delay_is_read(place: Place) -> None:
    place.add(place.create(), *lines(10))
    input_ = place.input(now=BEGIN / 1000 + 9, delay=3.0)
    assert [record.data for record in input_.read() if record] == [f"line {n}".encode() for n in range(6)]
    assert input_.watermark() == BEGIN + 6000
    input_.close()


def test_only_what_lies_between_is_read(place: Place) -> None:
    place.add(place.create(), *lines(10))
    input_ = place.input()
    assert input_.watermark() is None
    input_.between(BEGIN + 3000, BEGIN + 5000)
    records = [record for record in input_.read() if record]
    assert data(records) == [b"line 3", b"line 4"]
    assert input_.watermark() == BEGIN + 5000
    assert [record.data for record in input_.read(records[0].cursor) if record] == [b"line 4"]
    input_.close()


def test_the_watermark_of_a_pass_that_was_cut_off_is_the_last_record(place: Place) -> None:
    place.add(place.create(), *lines(10))
    input_ = place.input()
    reading = input_.read()
    for _ in range(3):
        next(reading)
    assert input_.watermark() == BEGIN + 2000
    input_.close()


def test_an_empty_index_is_read_to_now(place: Place) -> None:
    place.create()
    input_ = place.input(now=BEGIN / 1000 + 60)
    assert list(input_.read()) == []
    assert input_.watermark() == BEGIN + 50_000
    input_.close()


@pytest.mark.parametrize("index", ["{}-none", "{}-none*"])
def test_a_missing_index_is_said(place: Place, index: str) -> None:
    with pytest.raises(InputError, match=f"no index.* {place.name}-none"):
        place.records(index=index.format(place.name))


def test_a_missing_date_is_said(place: Place) -> None:
    place.create()
    with pytest.raises(InputError, match="no date field happened"):
        place.records(time_field="happened")
    place.create("-a", mappings={"properties": {"message": {"type": "keyword"}}})
    with pytest.raises(InputError, match="no date field @timestamp; say with time_field"):
        place.records(index=f"{place.name}-a")


def test_a_query_that_is_wrong_is_said(place: Place) -> None:
    place.create()
    with pytest.raises(InputError, match="refuses the search"):
        place.records(query={"no_such_query": {}})


def test_queries_choose(place: Place) -> None:
    place.add(place.create(), *({**one, "kind": one["_id"][-1]} for one in lines(12)))
    assert data(place.records(query="kind:3 OR kind:5")) == [b"line 3", b"line 5"]
    assert data(place.records(query={"match": {"kind": "1"}})) == [b"line 1", b"line 11"]


def test_the_order_is_of_ingestion_where_every_document_has_it(place: Place) -> None:
    index = place.create()
    both = [{**one, "event": {"ingested": BEGIN + 60_000}} for one in lines(6)]
    place.add(index, both[3], *both[:3], *both[4:])
    records = place.records()
    assert {record.address.time for record in records if record.address} == {BEGIN + 60_000}
    assert data(records) == [f"line {n}".encode() for n in range(6)], "of one moment, in the order of @timestamp"
    place.add(index, *lines(1, start=6))
    assert [record.address.time for record in place.records() if record.address] == [BEGIN + n * 1000 for n in range(7)]


def test_documents_without_the_time_are_counted(place: Place) -> None:
    index = place.create()
    place.add(index, *lines(2), {"_id": "timeless", "message": "when?"})
    input_ = place.input()
    assert input_.remarks() == []
    assert len(list(input_.read())) == 2
    assert "1 documents of" in input_.remarks()[0]
    assert "have no @timestamp" in input_.remarks()[0]
    input_.close()


def test_a_cursor_by_another_field_or_another_input_is_refused(place: Place) -> None:
    index = place.create()
    place.add(index, *({**one, "event": {"ingested": BEGIN}} for one in lines(2)))
    cursor = place.records()[-1].cursor
    assert cursor["field"] == "event.ingested"
    with pytest.raises(InputError, match=r"by event\.ingested, and .* by @timestamp; give another state folder"):
        place.records(cursor, time_field="@timestamp")
    with pytest.raises(InputError, match=rf"is in {place.name}\* by .* says {place.name} by"):
        place.records(cursor, index=index)
    with pytest.raises(InputError, match="not one of an Elasticsearch index"):
        place.records({"path": "/var/log/x", "offset": 3})


@pytest.mark.parametrize("kind", ["date_nanos", "mixed"])
def test_nanoseconds_are_read_as_milliseconds(place: Place, kind: str) -> None:
    fine = {"properties": {"@timestamp": {"type": "date_nanos"}}}
    place.add(place.create("-a", mappings=fine), *lines(4))
    place.add(place.create("-b", mappings=fine if kind == "date_nanos" else MAPPINGS), *lines(4, step=1100))
    records = place.records(page=2)
    assert [record.address.time - BEGIN for record in records if record.address] == [0, 0, 1000, 1100, 2000, 2200, 3000, 3300]
    assert data(place.records(records[3].cursor, page=2)) == data(records[4:])


@pytest.mark.parametrize(
    ("document", "record", "expected"),
    [
        ({"message": "plain\r\n"}, "message", b"plain"),
        ({"message": "two\n\n"}, "message", b"two\n"),
        ({"message": "made of it", "event": {"original": "the line"}}, "message", b"the line"),
        ({"message": "made of it", "event.original": "the line"}, "message", b"the line"),
        ({"message": "it", "event": {"original": None}}, "message", b"it"),
        ({"message": ["one"]}, "message", b"one"),
        ({"message": ["one", "two"]}, "message", b'["one","two"]'),
        ({"message": {"a": 1}}, "message", b'{"a":1}'),
        ({"message": 7}, "message", b"7"),
        ({"message": "caf\u00e9 \U0001f600"}, "message", "café 😀".encode()),
        ({"message": ""}, "message", b""),
        ({"log": {"line": {"raw": "deep"}}}, "log.line.raw", b"deep"),
        ({"log": {"line.raw": "deep"}}, "log.line.raw", b"deep"),
        ({"log.line": {"raw": "deep"}}, "log.line.raw", b"deep"),
        ({"log": "flat", "log.line.raw": "deep"}, "log.line.raw", b"deep"),
        ({}, "message", None),
        ({"message": None}, "message", None),
        ({"message": []}, "message", None),
        ({"raw": {"x": 1}}, "raw.line", None),
        ({"raw": [{"line": 1}]}, "raw.line", None),
        ({"a": 1}, "document", b'{"a":1}'),
    ],
)
def test_what_a_record_holds(document: dict[str, Any], record: str, expected: bytes | None) -> None:
    assert taking(record)(msgspec.Raw(orjson.dumps(document))) == expected


def test_a_document_without_the_field_is_given_out_as_such(place: Place) -> None:
    index = place.create()
    place.add(index, {"_id": "without", "@timestamp": BEGIN}, *lines(1, start=1))
    without, with_ = place.records()
    assert (without.data, without.lacks, without.origin) == (b"", "event.original or message", f"{index}/without")
    assert not with_.lacks
    assert [found.lacks for found in place.records(record="raw.line")] == ["raw.line"] * 2


def test_half_a_surrogate_is_a_line_too(place: Place) -> None:
    index = place.create()
    text = rb"\ud800 half, \ud83d\ude00 whole, \\ud800 none, \udc00\ud800"
    body = b'{"create":{"_id":"d"}}\n{"@timestamp":%d,"message":"%s"}\n' % (BEGIN, text)
    place.cluster.request("POST", f"/{index}/_bulk", body, {"refresh": "true"}, "application/x-ndjson")
    (record,) = place.records()
    assert record.data.decode() == "\ufffd half, \U0001f600 whole, \\ud800 none, \ufffd\ufffd"


def test_a_whole_document_is_what_was_stored_but_for_our_own_fields(place: Place) -> None:
    index = place.create(mappings={"dynamic": False, **MAPPINGS})
    stored = {"@timestamp": BEGIN, "user": {"name": "ann"}, "message": "x"}
    place.add(index, {"_id": "d", **stored, "logsentry": {"value": 1}, "logsentry.alert": True})
    (record,) = place.records(record="document")
    assert orjson.loads(record.data) == stored


def test_large_documents_make_shorter_pages(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FIRST_PAGE", 2)
    monkeypatch.setattr(pages, "PAGE_BYTES", 50_000)
    sizes: list[int] = []
    searched = PointInTime.search

    def noted(self: PointInTime, body: Any) -> Any:
        sizes.append(body["size"])
        return searched(self, body)

    monkeypatch.setattr(PointInTime, "search", noted)
    big = [{"_id": f"d{n}", "@timestamp": BEGIN + n, "event": {"original": "x" * 10_000}} for n in range(12)]
    place.add(place.create(mappings={"dynamic": False, **MAPPINGS}), *big)
    assert len(place.records(page=1000)) == 12
    assert sizes[0] == 2
    assert max(sizes) == 4


def test_a_busy_node_is_asked_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each status that passes, and after one cut connection; and not for ever."""
    monkeypatch.setattr(search, "PAUSES", (0.0, 0.0, 0.0))
    place.add(place.create(), *lines(5))
    trouble: list[Answer | Broken] = [Answer(503, b""), Answer(429, b"{}"), Broken("reset")]
    asked = Cluster.request

    def troubled(self: Cluster, method: str, path: str, *rest: Any, **named: Any) -> Answer:
        if not trouble or path != "/_search":
            return asked(self, method, path, *rest, **named)
        first = trouble.pop()
        if isinstance(first, Broken):
            raise first
        return first

    monkeypatch.setattr(Cluster, "request", troubled)
    assert len(place.records()) == 5
    assert trouble == []
    trouble[:] = [Answer(503, b"")] * 9
    with pytest.raises(Unavailable, match=r"cannot read .* now: status 503"):
        place.records()


def test_a_node_that_is_not_there_is_said() -> None:
    config = ElasticsearchInputConfig(url="http://127.0.0.1:9", index="x")
    input_ = ElasticsearchInput(config)
    with pytest.raises(Unavailable, match="cannot be reached"):
        list(input_.read())
    input_.close()


def test_closing_ends_what_is_being_fetched(place: Place) -> None:
    place.add(place.create(), *lines(50))
    input_ = place.input(page=1)
    reading = input_.read()
    next(reading)
    assert input_._pages is not None
    threads = input_._pages._threads
    input_.close()
    with pytest.raises(RuntimeError):
        threads.submit(print)
    input_.close()


def test_options_that_make_no_sense_are_refused() -> None:
    for options in ({"page": 0}, {"page": 10_001}, {"slices": 0}, {"overlap": -1.0}, {"index": ""}, {"delay": -1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"url": "http://x", "index": "i", **options}, ElasticsearchInputConfig)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"url": "http://x"}, ElasticsearchInputConfig)
