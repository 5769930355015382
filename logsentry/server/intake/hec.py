"""Splunk's HTTP Event Collector: events and raw lines (`hec_records.py`) into the spool, tokens, channels, acknowledgements, health.

200 means that everything of the request is on disk. With a channel, the answer has an `ackId`; it is acknowledged once the records
are on disk as well, or, with `acknowledge: exported`, once all of them were scored and exported. The protocol has no ids, so what a
client sends twice is scored twice. Sources: Splunk's pages "HTTP Event Collector REST API endpoints", "HTTP Event Collector
indexer acknowledgment" and "Possible error codes".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from logsentry.errors import LogsentryError, Unavailable
from logsentry.server import body
from logsentry.server.access import Access
from logsentry.server.answers import as_json
from logsentry.server.forward.forwarder import Forwarder
from logsentry.server.intake.acks import Acks
from logsentry.server.intake.bulk import IN_A_THREAD
from logsentry.server.intake.hec_records import Refused, events, raw_lines
from logsentry.server.limits import Limits
from logsentry.server.spool.folder import SpoolTooSmall
from logsentry.server.spool.records import Arrived


class Hec:
    """The handlers of one forwarder. They look at the token themselves, since Splunk's answers have codes."""

    def __init__(self, forwarder: Forwarder, access: Access, limits: Limits) -> None:
        self._forwarder, self._access, self._limits = forwarder, access, limits
        self._acks = Acks()
        forwarder.tell(self._acks.ended)

    async def event(self, request: Request) -> Response:
        return await self._answered(request, raw=False)

    async def raw(self, request: Request) -> Response:
        return await self._answered(request, raw=True)

    async def ack(self, request: Request) -> Response:
        try:
            self._authorized(request)
            channel = _channel(request)
            if not channel:
                raise Refused(400, 10, "Data channel is missing")
            asked = msgspec.json.decode(await body.read(request, self._limits), type=_Asked)
        except LogsentryError as error:
            return _refused(error)
        except msgspec.MsgspecError:
            return _refused(Refused(400, 6, "Invalid data format"))
        return as_json({"acks": self._acks.asked(channel, asked.acks)})

    async def health(self, request: Request) -> Response:
        spool = self._forwarder.spool
        if spool.size >= spool.most_bytes or self._forwarder.refuses():
            return as_json({"text": "HEC is unhealthy, queues are full", "code": 18}, 503)
        return as_json({"text": "HEC is healthy", "code": 17})

    async def _answered(self, request: Request, raw: bool) -> Response:
        try:
            self._authorized(request)
            channel = _channel(request)
            data = await body.read(request, self._limits)
            listen, peer = self._forwarder.listen, request.client.host if request.client else ""
            read = partial(raw_lines, data, peer) if raw else partial(events, data, listen.record, peer)
            records = list(read()) if len(data) < IN_A_THREAD else await asyncio.to_thread(lambda: list(read()))
            if not records:
                raise Refused(400, 5, "No data")
            said = await self._kept(records, channel)
        except LogsentryError as error:
            return _refused(error)
        return as_json({"text": "Success", "code": 0, **said})

    async def _kept(self, records: Sequence[Arrived], channel: str) -> dict[str, int]:
        if not channel:
            await self._forwarder.spool.append(records)
            return {}
        exported = self._forwarder.listen.acknowledge == "exported"
        number, request = self._acks.expect(channel, len(records) if exported else 0)
        try:
            if exported:
                records = [msgspec.structs.replace(each, request=request) for each in records]
            await self._forwarder.spool.append(records)
        except BaseException:  # also where the client has gone
            self._acks.withdraw(channel, number, request)
            raise
        return {"ackId": number}

    def _authorized(self, request: Request) -> None:
        given = request.headers.get("authorization")
        if given is None and not self._access.open:
            raise Refused(401, 2, "Token is required")
        allowed = self._access.allows(given, "score")
        if allowed is None:
            known = (given or "").lower().startswith(("splunk ", "basic ", "bearer "))
            raise Refused(403, 4, "Invalid token") if known else Refused(401, 3, "Invalid authorization")
        if not allowed:
            raise Refused(403, 4, "Invalid token")


class _Asked(msgspec.Struct):
    acks: list[int]


def _channel(request: Request) -> str:
    """As the header or the query names it; empty without one."""
    given = request.headers.get("x-splunk-request-channel") or request.query_params.get("channel") or ""
    try:
        return str(UUID(given)) if given else ""
    except ValueError:
        raise Refused(400, 11, "Invalid data channel") from None


def _refused(error: LogsentryError) -> Response:
    if isinstance(error, Refused):
        return as_json(error.said, error.status)
    if isinstance(error, Unavailable):
        return as_json({"text": "Server is busy", "code": 9}, 503, {"retry-after": "1"})
    if isinstance(error, body.TooLarge | SpoolTooSmall):
        return as_json({"text": "Request entity too large", "code": 27}, 413)
    if isinstance(error, body.TooSlow):
        return as_json({"text": "Request timed out", "code": 8}, 408)
    return as_json({"text": "Invalid data format", "code": 6}, 400)
