"""The input `elasticsearch`: documents of an index as records, in order of time, from where the last pass stopped.

    inputs:
      - {use: elasticsearch, url: "https://es:9200", index: weblogs}

A record's origin is its document (`index/id`), so that the same document read again has the same id. A pass begins a little before
the cursor (`overlap`), since documents arrive late; which of those are known already is the pipeline's to tell. A document without the
field that holds the record is given out with `lacks`, the name of that field, and no bytes: it is nobody's to leave out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import ClassVar

import msgspec
from logsentry_elasticsearch.connection import Cluster

from logsentry.sdk import Address, Cursor, InputError, Record
from logsentry_elasticsearch_input.config import ElasticsearchInputConfig
from logsentry_elasticsearch_input.content import Take, named, taking, wanted
from logsentry_elasticsearch_input.order import Order, found_order
from logsentry_elasticsearch_input.pages import Pages
from logsentry_elasticsearch_input.search import Hit


class _Place(msgspec.Struct, frozen=True):
    """A cursor, typed: the document read last, its time in milliseconds by `field`, and the names that `index` of the options had."""

    time: int
    index: str
    id: str
    field: str
    of: str


class ElasticsearchInput:
    """Reads an index once, up to `delay` seconds ago."""

    Config: ClassVar[type[msgspec.Struct]] = ElasticsearchInputConfig

    def __init__(self, config: ElasticsearchInputConfig, now: Callable[[], float] = time.time) -> None:
        self._config, self._now = config, now
        self._overlap = round(config.overlap * 1000)
        self._cluster = Cluster(config)
        self._since: int | None = None
        self._until: int | None = None
        self._pages: Pages | None = None
        self._order: Order | None = None
        self._complete: int | None = None

    def between(self, since_ms: int | None, until_ms: int | None) -> None:
        """Read nothing before `since_ms`, nor anything from `until_ms` on."""
        self._since, self._until = since_ms, until_ms

    def watermark(self) -> int | None:
        """Milliseconds since 1970 before which every document was given, as far as the cluster had it; None before anything was."""
        return self._complete

    def rereads_from(self, after: Cursor) -> int:
        """Milliseconds since 1970: records from here on come (again) to a pass that goes on after this cursor."""
        return _place_of(after).time - self._overlap

    def remarks(self) -> list[str]:
        """What a person should know of the documents that were not found."""
        if self._order is None or not self._order.lacking:
            return []
        return [
            f"{self._order.lacking:,} documents of {self._config.index} have no {self._order.field} and are not read; "
            "mend them, or name another field with time_field"
        ]

    def position(self) -> tuple[int, int]:
        """(bytes received, 0): how much is to come is not known."""
        return 0 if self._pages is None else self._pages.received, 0

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        """Records from the overlap before `after` on, but for the one that `after` stands behind.

        Raises `InputError` where there is no such index, right or date field, and `Unavailable` where the cluster does not answer.
        """
        config = self._config
        place = None if after is None else _place_of(after)
        field = config.time_field or ("" if place is None else place.field)
        if place is not None and (place.field, place.of) != (field, config.index):
            raise InputError(
                f"the saved cursor is in {place.of} by {place.field}, and the configuration says {config.index} by {field}; "
                "give another state folder, so that nothing is left out"
            )
        until = round((self._now() - config.delay) * 1000)
        until = until if self._until is None else min(until, self._until)
        order = self._order = found_order(self._cluster, config.index, config.filter, field)
        self._stop()
        self._complete = None
        pages = self._pages = Pages(
            self._cluster, config.index, config.filter, order, wanted(config.record), config.page, config.slices
        )
        yield from self._records(pages.read(self._begin(place), until), order, place)
        self._complete = until

    def _begin(self, place: _Place | None) -> int | None:
        if place is None:
            return self._since
        begin = place.time - self._overlap
        return begin if self._since is None else max(begin, self._since)

    def _records(self, hits: Iterator[Hit], order: Order, place: _Place | None) -> Iterator[Record]:
        """A record of the overlap has the cursor that the pass began with: else a pass that is cut off there would go back."""
        take, lacks = taking(self._config.record), named(self._config.record)
        field, of = order.field, self._config.index
        for hit in hits:
            if place is not None and hit.id == place.id and hit.index == place.index:
                continue
            self._complete = moment = order.milliseconds(hit.sort[0])
            if place is None or moment > place.time:
                cursor: Cursor = {"time": moment, "index": hit.index, "id": hit.id, "field": field, "of": of}
            else:
                cursor = {"time": place.time, "index": place.index, "id": place.id, "field": field, "of": of}
            yield _record(hit, moment, cursor, take, lacks)

    def _stop(self) -> None:
        if self._pages is not None:
            self._pages.close()

    def close(self) -> None:
        self._stop()
        self._cluster.close()


def _record(hit: Hit, moment: int, cursor: Cursor, take: Take, lacks: str) -> Record:
    data = take(hit.source)
    address = Address(hit.index, hit.id, hit.seq_no, hit.primary_term, moment)
    return Record(data or b"", hit.index, f"{hit.index}/{hit.id}", 0, cursor, address, lacks if data is None else "")


def _place_of(cursor: Cursor) -> _Place:
    try:
        return msgspec.convert(cursor, _Place)
    except msgspec.ValidationError as error:
        raise InputError(f"the saved cursor is not one of an Elasticsearch index: {error}") from error
