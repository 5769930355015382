"""The body of a `_bulk` request: its actions in order, each a record for the spool, or why it is none.

`index` and `create` with a JSON object behind them become records; the id that a client gives is their own. `update` and `delete` mean
nothing here. Source: Elasticsearch's REST page "Bulk API". When an item is kept, and how all are answered, is in `bulk.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from secrets import token_urlsafe
from typing import Any

import msgspec

from logsentry.errors import UsageError
from logsentry.server.intake.picking import parsed, picked
from logsentry.server.spool.records import Arrived

TAKEN = ("index", "create")
ACTIONS = (*TAKEN, "update", "delete")


class Item(msgspec.Struct):
    """One action and what became of it. Without a record its status is settled."""

    action: str
    index: str
    id: str
    status: int = 201
    kind: str = ""
    reason: str = ""
    record: Arrived | None = None

    def answer(self) -> dict[str, Any]:
        said: dict[str, Any] = {"_index": self.index, "_id": self.id, "status": self.status}
        if self.status == 201:
            said |= {"_version": 1, "result": "created", "_shards": {"total": 1, "successful": 1, "failed": 0}}
            said |= {"_seq_no": 0, "_primary_term": 1}
        else:
            said["error"] = {"type": self.kind, "reason": self.reason}
        return {self.action: said}


def items_of(data: bytes, index: str, field: str, peer: str) -> Iterator[Item]:
    """The actions of a body. Raises `UsageError` where what a body is made of cannot be told."""
    if not data:
        raise UsageError("request body is required")
    if not data.endswith(b"\n"):
        raise UsageError("The bulk request must be terminated by a newline [\\n]")
    lines = iter(enumerate(data.split(b"\n"), 1))
    now = time.time_ns()
    for number, line in lines:
        if not line.strip():
            continue
        item, given = _action(line, number, index)
        if item.action == "delete":
            yield _refusal(item)
            continue
        _, document = next(lines, (0, b""))
        if item.action == "update":
            yield _refusal(item)
        else:
            yield _with_record(item, given, document, field, peer, now)


def _action(line: bytes, number: int, index: str) -> tuple[Item, str]:
    """The item, and the id that the client gave it, if it gave one."""
    try:
        found = parsed(line)
    except UsageError:
        raise UsageError(f"Malformed action/metadata line [{number}], expected a JSON object") from None
    action, named = next(iter(found.items()), ("", None))  # what stands behind it is passed over, as 8.19 does
    if action not in ACTIONS or not isinstance(named, dict):
        raise UsageError(f"Malformed action/metadata line [{number}], expected one of {', '.join(ACTIONS)}")
    given, place = named.get("_id"), named.get("_index") or index
    own = given if isinstance(given, str) else "" if given is None else str(given)
    return Item(action, place if isinstance(place, str) else "", own or token_urlsafe(15)), own


def _refusal(item: Item) -> Item:
    item.status, item.kind = 400, "illegal_argument_exception"
    item.reason = f"{item.action} means nothing here; index and create are taken"
    return item


def _with_record(item: Item, own: str, document: bytes, field: str, peer: str, now: int) -> Item:
    try:
        data, lacks = picked(parsed(document), document, field)
    except UsageError as error:
        item.status, item.kind, item.reason = 400, "document_parsing_exception", str(error)
        return item
    item.record = Arrived(data, "_bulk", peer, now, f"{item.index}/{own}" if own else "", lacks)
    return item
