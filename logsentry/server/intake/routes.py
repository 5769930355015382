"""Which address is answered for which forwarder: under /intake/NAME/, and bare where only one listens for that protocol."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from logsentry.server.access import Access, Role
from logsentry.server.answers import Handler, guarded
from logsentry.server.forward.forwarder import Forwarder
from logsentry.server.intake.bulk import Bulk
from logsentry.server.intake.hec import Hec
from logsentry.server.limits import Limits


def routes(forwarders: Sequence[Forwarder], access: Access, limits: Limits, page: Handler | None = None) -> list[Route]:
    """`page` is what the address / answers to a browser where a forwarder greets its clients there."""
    bulk = {each.name: Bulk(each, limits) for each in forwarders if each.listen.bulk}
    hec = {each.name: Hec(each, access, limits) for each in forwarders if each.listen.hec}
    found: list[Route] = []
    for name, one in bulk.items():
        found += _bulk_routes(f"/intake/{name}", one, access, None)
    for name, other in hec.items():
        found += _hec_routes(f"/intake/{name}", other, access)
    if len(bulk) == 1:
        found += _bulk_routes("", next(iter(bulk.values())), access, page)
    if len(hec) == 1:
        found += _hec_routes("", next(iter(hec.values())), access)
    return found


def _bulk_routes(at: str, bulk: Bulk, access: Access, page: Handler | None) -> list[Route]:
    greeting = guarded(bulk.greeting, "read", access)
    shown = greeting if page is None else _by_reader(page, greeting)
    score: Role = "score"
    return [
        Route(at + "/", shown, methods=["GET", "HEAD"]),
        Route(at + "/_license", guarded(bulk.license, "read", access), methods=["GET", "HEAD"]),
        Route(at + "/_cat/health", guarded(bulk.health, "read", access), methods=["GET", "HEAD"]),
        Route(at + "/_cluster/health", guarded(bulk.cluster_health, "read", access), methods=["GET", "HEAD"]),
        Route(at + "/_bulk", guarded(bulk.bulk, score, access), methods=["POST", "PUT"]),
        Route(at + "/{index}/_bulk", guarded(bulk.bulk, score, access), methods=["POST", "PUT"]),
    ]


def _hec_routes(at: str, hec: Hec, access: Access) -> list[Route]:
    root = at + "/services/collector"
    asked: list[tuple[str, Handler, list[str]]] = [(root + end, hec.event, ["POST"]) for end in ("", "/event", "/event/1.0")]
    asked += [(root + end, hec.raw, ["POST"]) for end in ("/raw", "/raw/1.0")]
    asked += [(root + end, hec.ack, ["POST"]) for end in ("/ack", "/ack/1.0")]
    asked += [(root + end, hec.health, ["GET"]) for end in ("/health", "/health/1.0")]
    return [Route(path, guarded(handler, None, access), methods=methods) for path, handler, methods in asked]


def _by_reader(page: Handler, greeting: Handler) -> Handler:
    async def chosen(request: Request) -> Response:
        asked = page if "text/html" in request.headers.get("accept", "") else greeting
        return await asked(request)

    return chosen
