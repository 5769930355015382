"""Every document of a search in order of time, each page fetched while the one before is worked on.

A point in time gives pages that fit together whatever is written meanwhile. Where it is lost, a new one goes on at the time of the last
document that was given, leaving out those of that very time which were given already; all slices begin anew then, since what is
in which slice is decided for each point in time by itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

from logsentry_elasticsearch.connection import Cluster

from logsentry.sdk import Unavailable
from logsentry_elasticsearch_input.order import Order
from logsentry_elasticsearch_input.search import Hit, Lost, PointInTime

FIRST_PAGE = 500
PAGE_BYTES = 16 << 20
"""About the largest answer that is asked for: pages of large documents become shorter."""

LOSSES = 3
"""Points in time that may be lost one after another without a document between."""


class Pages:
    """One search: what `query` (a filter) finds from `since` on and before `until`, both in milliseconds since 1970."""

    def __init__(
        self,
        cluster: Cluster,
        index: str,
        query: Mapping[str, Any],
        order: Order,
        source: Any,
        page: int,
        slices: int,
    ) -> None:
        self._cluster, self._index, self._query, self._order = cluster, index, query, order
        self._source, self._page, self._slices = source, page, slices
        self._view: PointInTime | None = None
        self._threads = ThreadPoolExecutor(slices, thread_name_prefix="elasticsearch-page")
        self.received = 0
        """Bytes of the answers."""

    def read(self, since: int | None, until: int) -> Iterator[Hit]:
        """Raises `InputError` where there is no such index or right, and `Unavailable` where the cluster does not answer."""
        given: list[Hit] = []  # the last ones, of one moment
        losses = 0
        while True:
            known = {(hit.index, hit.id) for hit in given}
            try:
                for hit in self._hits(since, until):
                    losses = 0
                    moment = self._order.milliseconds(hit.sort[0])
                    if given and moment == since:
                        if known and (hit.index, hit.id) in known:
                            continue
                        given.append(hit)
                    else:
                        given, since, known = [hit], moment, set()
                    yield hit
                return
            except Lost as error:
                losses += 1
                if losses > LOSSES:
                    raise Unavailable(f"Elasticsearch keeps losing its view of {self._index}: {error}") from error
                self._give_back()

    def _hits(self, since: int | None, until: int) -> Iterator[Hit]:
        """A new view from its beginning."""
        self._view = PointInTime(self._cluster, self._index)
        body = self._body(since, until)
        if self._slices == 1:
            return chain.from_iterable(self._pages(self._view, body))
        sliced = [{**body, "slice": {"id": number, "max": self._slices}} for number in range(self._slices)]
        runs = [chain.from_iterable(self._pages(self._view, one)) for one in sliced]
        return heapq.merge(*runs, key=lambda hit: hit.sort)

    def _body(self, since: int | None, until: int) -> dict[str, Any]:
        bounds = {"lt": until, "format": "epoch_millis", **({} if since is None else {"gte": since})}
        return {
            "query": {"bool": {"filter": [self._query, {"range": {self._order.field: bounds}}]}},
            "sort": self._order.sort(),
            "_source": self._source,
            "seq_no_primary_term": True,
        }

    def _pages(self, view: PointInTime, body: Mapping[str, Any]) -> Iterator[list[Hit]]:
        size = min(FIRST_PAGE, self._page)
        waiting = self._threads.submit(view.search, {**body, "size": size})
        while True:
            hits, received = waiting.result()
            self.received += received
            if len(hits) < size:
                yield hits
                return
            size = min(self._page, max(1, PAGE_BYTES * len(hits) // received))
            waiting = self._threads.submit(view.search, {**body, "size": size, "search_after": hits[-1].sort})
            yield hits

    def _give_back(self) -> None:
        if self._view is not None:
            self._view.close()
            self._view = None

    def close(self) -> None:
        """Nothing is fetched any more. May be called twice."""
        self._give_back()
        self._threads.shutdown(wait=True, cancel_futures=True)
