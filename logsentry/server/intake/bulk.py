"""As much of Elasticsearch as a forwarder asks for: its greeting, its licence, its health, and `_bulk`.

Documents that are indexed or created become records in the spool, and are answered once they are on disk, item by item and in order: 201,
400 for what is no JSON, 429 where the spool is full. The id that a client gives makes its second try a duplicate. Names of indices are
taken and mean nothing here. What a body says is in `bulk_items.py`. Source: Elasticsearch's REST pages "Bulk API", "Root API" and
"Licensing APIs".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from logsentry.errors import LogsentryError, Unavailable
from logsentry.server import body
from logsentry.server.answers import as_json
from logsentry.server.forward.forwarder import Forwarder
from logsentry.server.intake.bulk_items import Item, items_of
from logsentry.server.limits import Limits
from logsentry.server.spool.folder import SpoolFull, SpoolTooSmall

PRODUCT = {"x-elastic-product": "Elasticsearch"}
"""Clients refuse to talk to what does not say so."""

VERSION = "8.19.0"
"""The newest version whose answers these are."""

IN_A_THREAD = 1 << 16
"""Bytes of a body from which on it is read in a thread, so that others are answered meanwhile."""


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

    async def cluster_health(self, request: Request) -> Response:
        """The same for Vector and for winston-elasticsearch, which ask for the whole."""
        counts = dict.fromkeys(("active_shards", "relocating_shards", "unassigned_shards", "number_of_pending_tasks"), 0)
        said = {
            "cluster_name": "logsentry",
            "status": "green",
            "timed_out": False,
            "number_of_nodes": 1,
            "number_of_data_nodes": 1,
        }
        return as_json(said | counts, headers=PRODUCT)

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
