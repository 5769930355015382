"""As much of Elasticsearch as a forwarder asks for: its greeting, its licence, its health, and `_bulk`.

Documents that are indexed or created become records in the spool, and are answered once they are on disk, item by item and in order: 201,
400 for what is no JSON, 429 where the spool is full. The id that a client gives makes its second try a duplicate. Names of indices are
taken and mean nothing here. Source: Elasticsearch's REST pages "Bulk API", "Root API" and "Licensing APIs".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from secrets import token_urlsafe
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from logsentry.errors import LogsentryError, Unavailable, UsageError
from logsentry.server import body
from logsentry.server.answers import as_json
from logsentry.server.forwarding import Forwarder
from logsentry.server.limits import Limits
from logsentry.server.picking import parsed, picked
from logsentry.server.spool import Arrived, SpoolFull, SpoolTooSmall

PRODUCT = {"x-elastic-product": "Elasticsearch"}
"""Clients refuse to talk to what does not say so."""

VERSION = "8.19.0"
"""The newest version whose answers these are."""

TAKEN = ("index", "create")
ACTIONS = (*TAKEN, "update", "delete")
IN_A_THREAD = 1 << 16
"""Bytes of a body from which on it is read in a thread, so that others are answered meanwhile."""


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


class Bulk:
    """The handlers of one forwarder."""

    def __init__(self, forwarder: Forwarder, limits: Limits) -> None:
        self._forwarder, self._limits = forwarder, limits

    async def greeting(self, request: Request) -> Response:
        named = {"number": VERSION, "build_flavor": "default", "build_type": "docker", "build_snapshot": False}
        lucene = {"lucene_version": "9.12.0", "minimum_wire_compatibility_version": "7.17.0"}
        said = {"name": "logsentry", "cluster_name": "logsentry", "cluster_uuid": self._forwarder.name, "version": named | lucene}
        return as_json(said | {"tagline": "You Know, for Search"}, headers=PRODUCT)

    async def license(self, request: Request) -> Response:
        said = {"status": "active", "uid": self._forwarder.name, "type": "basic", "issued_to": "logsentry"}
        return as_json({"license": said}, headers=PRODUCT)

    async def health(self, request: Request) -> Response:
        """What `rsyslog` asks before it sends."""
        return PlainTextResponse("logsentry green\n", headers=PRODUCT)

    async def bulk(self, request: Request) -> Response:
        began = time.monotonic()
        try:
            data = await body.read(request, self._limits)
            items = await self._items(request, data)
            await self._kept(items)
        except LogsentryError as error:
            return _refused(error)
        told = [item.answer() for item in items]
        took = round((time.monotonic() - began) * 1000)
        errors = any(item.status != 201 for item in items)
        return as_json({"took": took, "errors": errors, "items": told}, headers=PRODUCT)

    async def _items(self, request: Request, data: bytes) -> list[Item]:
        listen, peer = self._forwarder.listen, request.client.host if request.client else ""
        arguments = (data, request.path_params.get("index", ""), listen.record, peer)
        if len(data) < IN_A_THREAD:
            return list(items_of(*arguments))
        return await asyncio.to_thread(lambda: list(items_of(*arguments)))

    async def _kept(self, items: Sequence[Item]) -> None:
        """The records of a request are kept together, or none of them."""
        records = [item.record for item in items if item.record is not None]
        if not records:
            return
        try:
            await self._forwarder.spool.append(records)
        except SpoolFull as full:
            for item in items:
                if item.record is not None:
                    item.status, item.kind, item.reason = 429, "es_rejected_execution_exception", str(full)


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
    action, named = next(iter(found.items()), ("", None))
    if len(found) != 1 or action not in ACTIONS or not isinstance(named, dict):
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


def _refused(error: LogsentryError) -> Response:
    """An error as Elasticsearch words it."""
    status, kind = 400, "illegal_argument_exception"
    if isinstance(error, body.TooLarge | SpoolTooSmall):
        status, kind = 413, "content_too_long_exception"
    elif isinstance(error, body.TooSlow):
        status, kind = 408, "timeout_exception"
    elif isinstance(error, Unavailable):
        status, kind = 503, "unavailable_shards_exception"
    cause = {"type": kind, "reason": str(error)}
    said = {"error": {"root_cause": [cause], **cause}, "status": status}
    return as_json(said, status, PRODUCT | ({"retry-after": "1"} if status == 503 else {}))
