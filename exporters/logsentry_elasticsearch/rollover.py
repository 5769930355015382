"""Which documents a data stream has already in a backing index that it no longer writes to.

`create` refuses an id that the present backing index has, and no other: after a rollover the same id would be stored a second time.
So documents that may be a repeat are asked for first, which takes the privilege `read` and nothing else. In a stream of one
backing index nothing is asked, since there `create` tells by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from logsentry.sdk import Retry, Unavailable
from logsentry_elasticsearch.connection import Broken, Cluster, Untrusted
from logsentry_elasticsearch.outcomes import of_answer, of_broken, question

MOST_IDS = 5_000
"""In one question: a search answers at most 10,000 documents (`index.max_result_window`), and an id may be there twice already."""


RECENT = 3
"""Backing indices before the present one that are asked without waiting for a refresh: more rollovers than that take longer than one."""


class NoAnswer(Exception):
    """The cluster did not say which ids are there; `retry` is what this means for the items that were asked about."""

    def __init__(self, retry: Retry) -> None:
        super().__init__(retry.reason)
        self.retry = retry


class Earlier:
    """Asks one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def there(self, stream: str, ids: Sequence[str]) -> set[str]:
        """Those of the ids that the stream has. Raises `NoAnswer`, and `Untrusted` as every request does."""
        indices = self._indices(stream)
        if len(indices) < 2:
            return set()
        parts = [ids[begin : begin + MOST_IDS] for begin in range(0, len(ids), MOST_IDS)]
        recent = indices[-1 - RECENT : -1]
        return {
            id_ for part in parts for id_ in self._searched(stream, part).union(*(self._fetched(index, part) for index in recent))
        }

    def _indices(self, stream: str) -> list[str]:
        """Backing indices, oldest first (their names end in a generation). A stream that is not there yet has none."""
        params = {"fields": "_id", "filter_path": "indices"}
        indices: list[str] = self._asked(f"/{stream}/_field_caps", None, params, missing=True).get("indices", [])
        return sorted(indices, key=lambda name: (len(name.rpartition("-")[2]), name.rpartition("-")[2]))

    def _searched(self, stream: str, ids: Sequence[str]) -> set[str]:
        """By a search, which sees every document that is older than the refresh interval."""
        body = {"size": 2 * len(ids), "_source": False, "track_total_hits": False, "query": {"ids": {"values": ids}}}
        found = self._asked(f"/{stream}/_search", body, {"filter_path": "hits.hits._id,_shards.failed,timed_out"})
        if found.get("timed_out") or found.get("_shards", {}).get("failed"):
            raise NoAnswer(Retry(f"not every shard of {stream} answers which documents are there", paused=True))
        return {hit["_id"] for hit in found.get("hits", {}).get("hits", ())}

    def _fetched(self, index: str, ids: Sequence[str]) -> set[str]:
        """One by one, which sees what was written a moment ago: in an index that was rolled over lately."""
        params = {"_source": "false", "filter_path": "docs._id,docs.found,docs.error"}
        found = self._asked(f"/{index}/_mget", {"ids": ids}, params).get("docs", ())
        if len(found) != len(ids) or any("error" in document for document in found):
            raise NoAnswer(Retry(f"not every shard of {index} answers which documents are there", paused=True))
        return {document["_id"] for document in found if document["found"]}

    def _asked(self, path: str, body: Any, params: dict[str, str], missing: bool = False) -> dict[str, Any]:
        """The answer's content; empty where the stream is not there and may be `missing`."""
        try:
            answer = self._cluster.request("POST", path, body, params)
            if missing and answer.status == 404:
                return {}
            found = answer.json() if answer.status == 200 else None
        except Untrusted:
            raise
        except Broken as error:
            raise NoAnswer(question(of_broken(error))) from error
        except Unavailable as error:
            raise NoAnswer(Retry(str(error), paused=True)) from error
        if not isinstance(found, dict):
            raise NoAnswer(question(of_answer(answer)))
        return found
