"""Mode `update`: the score is written into the documents that were scored, as their object `logsentry`.

Every record of a window is updated, on the condition that it still is the version that was read; where it is not, it is read again
and tried once more. A document that is in several windows keeps the highest value of a detector. Costs the cluster a new
version of each source document, and needs the privilege `index` on them; `append` is the better way wherever it will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from logsentry.sdk import Address, Delivered, Outcome, Rejected, Retry, Scored, Unavailable
from logsentry_elasticsearch.bulk import Bulk
from logsentry_elasticsearch.connection import Answer, Broken, Cluster
from logsentry_elasticsearch.documents import scored
from logsentry_elasticsearch.outcomes import Said, of_answer, of_broken, outcome, question

NOT_OURS = (".alerts-", ".internal.alerts-")
"""Indices of Kibana's own, which nobody else may write to."""

_HELD = ["logsentry.id", "logsentry.detector", "logsentry.digest", "logsentry.value"]
_Place = tuple[str, str, str]
"""Index, document and detector."""


class Change(msgspec.Struct, frozen=True):
    """One document and the score that it is to hold; of several scores of one detector in a batch, the highest."""

    address: Address
    id: str
    detector: str
    value: float
    data: bytes

    @property
    def place(self) -> _Place:
        return self.address.index, self.address.id, self.detector

    def line(self, seq_no: int, primary_term: int) -> bytes:
        """The two lines of a bulk request."""
        action = {"_index": self.address.index, "_id": self.address.id, "if_seq_no": seq_no, "if_primary_term": primary_term}
        return orjson.dumps({"update": action}) + b"\n" + self.data


class Update:
    """Writes into one cluster's documents."""

    def __init__(self, cluster: Cluster, bulk: Bulk) -> None:
        self._cluster, self._bulk = cluster, bulk

    def export(self, batch: Sequence[Scored]) -> list[Outcome]:
        made = [_changes(item) for item in batch]
        best: dict[_Place, Change] = {}
        for changes in made:
            for change in changes if isinstance(changes, list) else ():
                there = best.setdefault(change.place, change)
                best[change.place] = there if there.value >= change.value else change
        ends = self._changed(list(best.values()))
        return [
            changes if isinstance(changes, Rejected) else _together([ends[change.place] for change in changes])
            for changes in made
        ]

    def _changed(self, changes: Sequence[Change]) -> dict[_Place, Outcome]:
        """The end of each document: of those whose version is known by one request, of the others by two more."""
        known = [change for change in changes if change.address.seq_no >= 0]
        lines = [change.line(change.address.seq_no, change.address.primary_term) for change in known]
        said = dict(zip((change.place for change in known), self._bulk.send("/_bulk", lines), strict=True))
        ends = {place: outcome(one) for place, one in said.items() if not _stale(one)}
        return {**ends, **self._read_again([change for change in changes if change.place not in ends])}

    def _read_again(self, changes: Sequence[Change]) -> dict[_Place, Outcome]:
        if not changes:
            return {}
        found = self._documents(changes)
        if isinstance(found, Retry):
            return dict.fromkeys((change.place for change in changes), found)
        ends: dict[_Place, Outcome] = {}
        again: list[tuple[Change, bytes]] = []
        for change, document in zip(changes, found, strict=True):
            end = _settled(change, document)
            if end is None:
                again.append((change, change.line(document["_seq_no"], document["_primary_term"])))
            else:
                ends[change.place] = end
        said = self._bulk.send("/_bulk", [line for _, line in again])
        return ends | {change.place: _last(one) for (change, _), one in zip(again, said, strict=True)}

    def _documents(self, changes: Sequence[Change]) -> list[dict[str, Any]] | Retry:
        """Each document as it is now, with what it holds of ours."""
        wanted = [{"_index": change.address.index, "_id": change.address.id, "_source": _HELD} for change in changes]
        try:
            answer = self._cluster.request("POST", "/_mget", {"docs": wanted})
        except Broken as error:
            return question(of_broken(error))
        found = _content(answer)
        return found if len(found) == len(changes) else question(of_answer(answer))


def _content(answer: Answer) -> list[dict[str, Any]]:
    """The documents of an `_mget`; none where the answer is not one."""
    try:
        docs = answer.json()["docs"] if answer.status == 200 else []
    except (Unavailable, KeyError, TypeError):
        return []
    return docs if isinstance(docs, list) else []


def _changes(item: Scored) -> list[Change] | Rejected:
    """One change for each record of the window, or why there can be none."""
    if not item.addresses:
        return Rejected("mode: update writes into the documents that were scored, and these records come out of no index")
    if any(address.index.startswith(NOT_OURS) for address in item.addresses):
        return Rejected("the scored documents are Kibana's own alerts, into which nothing else may be written")
    id_ = item.id
    try:
        data = orjson.dumps({"doc": {"logsentry": scored(item, id_)}}) + b"\n"
    except (ValueError, TypeError) as error:
        return Rejected(f"the score {id_} cannot be written as JSON: {error}")
    return [Change(address, id_, item.score.detector, item.score.value, data) for address in item.addresses]


def _stale(said: Said) -> bool:
    """Whether the document is another version than was read, or gone, or its index is: a look at it tells which."""
    return said.status in (404, 409) and not said.whole


def _settled(change: Change, document: dict[str, Any]) -> Outcome | None:
    """What a second look ends with, or None where the document is to be updated as it is now."""
    if "error" in document:
        return Retry(f"the index {change.address.index} does not answer: {document['error'].get('type', '')}", paused=True)
    if not document["found"]:
        return Rejected("the document that was scored has been deleted since", 404, "document_missing")
    held = document.get("_source", {}).get("logsentry")
    if not isinstance(held, dict):
        return None
    if held.get("id") == change.id:
        return Delivered(duplicate=True)
    value, detector = held.get("value"), f"{held.get('detector')}@{held.get('digest')}"
    higher = detector == change.detector and isinstance(value, int | float) and value >= change.value
    return Delivered() if higher else None


def _last(said: Said) -> Outcome:
    """After the second try: what is still being changed by others is tried again later."""
    return Retry("the scored document is being changed by somebody else") if _stale(said) else outcome(said)


def _together(ends: Sequence[Outcome]) -> Outcome:
    """The end of a window is that of its worst document: never, again, or all of them done."""
    for kind in (Rejected, Retry):
        for end in ends:
            if isinstance(end, kind):
                return end
    return Delivered(duplicate=all(isinstance(end, Delivered) and end.duplicate for end in ends))
