"""Searches of one point in time: a frozen view of some indices, of which pages are asked for one after another.

What is temporary (a busy or restarting node, a cut connection) is asked again here, since a search changes nothing. That the view itself
is gone, because nobody asked for longer than it is kept or a node fell out, is told as `Lost`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
from logsentry_elasticsearch.connection import Answer, Broken, Cluster

from logsentry.sdk import Unavailable
from logsentry_elasticsearch_input.order import checked, quoted

KEPT = "5m"
"""How long Elasticsearch keeps a view after the last search of it."""

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try."""

TEMPORARY = (429, 502, 503, 504)

SENT = (
    "pit_id,timed_out,hits.hits._index,hits.hits._id,hits.hits._seq_no,hits.hits._primary_term,hits.hits._source,hits.hits.sort"
)


class Hit(msgspec.Struct, frozen=True, gc=False, rename={"index": "_index", "id": "_id", "source": "_source",
                                                          "seq_no": "_seq_no", "primary_term": "_primary_term"}):  # fmt: skip
    """A document as it was found; `sort` are the values it is ordered by, and the place to go on after."""

    index: str
    id: str
    sort: list[int]
    source: msgspec.Raw = msgspec.Raw(b"{}")
    seq_no: int = -1
    primary_term: int = -1


class _Hits(msgspec.Struct, gc=False):
    hits: list[Hit] = []


class _Page(msgspec.Struct, gc=False):
    pit_id: str
    hits: _Hits = msgspec.field(default_factory=_Hits)
    timed_out: bool = False


class Lost(Exception):
    """The point in time is not there any more."""


_decode = msgspec.json.Decoder(_Page).decode

_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""Every escape of a JSON text, one after another, so that a backslash which is itself escaped begins none."""


def _read(body: bytes, index: str) -> _Page:
    """Half of a surrogate pair, which Elasticsearch stores and JSON readers refuse (RFC 8259, 8.2), becomes U+FFFD."""
    try:
        return _decode(body)
    except msgspec.MsgspecError:
        mended = _ESCAPES.sub(lambda found: rb"\ufffd" if found["half"] else found[0], body)
    try:
        return _decode(mended)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"Elasticsearch's answer to a search of {index} cannot be read: {error}") from error


class PointInTime:
    """A view of `index`. Threads may search it beside each other; `close` gives it back and ends every pause."""

    def __init__(self, cluster: Cluster, index: str) -> None:
        self._cluster, self._index = cluster, index
        self._closing = threading.Event()
        self.received = 0
        opened = checked(self._asked("POST", f"/{quoted(index)}/_pit", None, {"keep_alive": KEPT}), index)
        self._id: str = opened.json()["id"]

    def search(self, body: Mapping[str, Any]) -> tuple[list[Hit], int]:
        """The documents of one page and the size of the answer in bytes. Raises `Lost`, `InputError` or `Unavailable`."""
        whole = {**body, "pit": {"id": self._id, "keep_alive": KEPT}, "track_total_hits": False}
        answer = self._asked("POST", "/_search", whole, {"filter_path": SENT, "allow_partial_search_results": "false"})
        if answer.status == 404:
            raise Lost(answer.reason())
        page = _read(checked(answer, self._index).body, self._index)
        if page.timed_out:
            raise Unavailable(f"a search of {self._index} ran out of the time that the cluster allows it")
        self._id = page.pit_id
        return page.hits.hits, len(answer.body)

    def _asked(self, method: str, path: str, body: Mapping[str, Any] | None, params: Mapping[str, str]) -> Answer:
        for pause in PAUSES:
            try:
                answer = self._cluster.request(method, path, body, params)
            except Broken:
                if self._closing.wait(pause):
                    raise
                continue
            if answer.status not in TEMPORARY or self._closing.wait(pause):
                return answer
        return self._cluster.request(method, path, body, params)

    def close(self) -> None:
        """Give the view back; where that fails it ends by itself after a few minutes, and nobody has to know."""
        self._closing.set()
        try:
            self._cluster.request("DELETE", "/_pit", {"id": self._id})
        except Unavailable:
            return
