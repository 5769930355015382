"""Answers and errors: which status an error has, and that none carries a path, a traceback or a secret."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from logsentry.errors import BadRecord, BundleRefused, LogsentryError, Unavailable, UsageError
from logsentry.server.access import Access, Role
from logsentry.server.batching import Full, Late
from logsentry.server.body import TooLarge, TooSlow, Unread

LOG = logging.getLogger("logsentry.server")

Handler = Callable[[Request], Awaitable[Response]]


class NotFound(UsageError):
    """404: what the address names is not here."""


class Disabled(UsageError):
    """403: the server was not started to do this."""


STATUS: tuple[tuple[type[LogsentryError], int], ...] = (
    (TooLarge, 413), (TooSlow, 408), (Unread, 415), (NotFound, 404), (Disabled, 403), (Full, 429), (Late, 504),
    (UsageError, 400), (BadRecord, 400), (BundleRefused, 409), (Unavailable, 503),
)  # fmt: skip
"""The first that fits; anything else is 500."""


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def guarded(handler: Handler, needed: Role | None, access: Access) -> Handler:
    """The handler behind its token, with every error as an answer; None needs no token."""

    async def answered(request: Request) -> Response:
        if needed is not None:
            allowed = access.allows(request.headers.get("authorization"), needed)
            if allowed is None:
                return as_json({"error": "a token is needed that this server knows"}, 401, {"www-authenticate": "Bearer"})
            if not allowed:
                return as_json({"error": f"this token's role may not do that; {needed} may"}, 403)
        try:
            return await handler(request)
        except LogsentryError as error:
            if error.__cause__ is not None and status_of(error) >= 500:
                LOG.error("%s %s: %s", request.method, request.url.path, error, exc_info=error.__cause__)
            return refusal(error)
        except Exception:  # the boundary: a client learns a number, the log the rest
            number = uuid4().hex[:12]
            LOG.exception("a defect answered %s %s: %s", request.method, request.url.path, number)
            return as_json({"error": f"the server failed on this request; its log says why under {number}"}, 500)

    return answered


def refusal(error: LogsentryError) -> Response:
    status, headers = status_of(error), {}
    if isinstance(error, Full):
        headers["retry-after"] = str(round(error.after))
    elif status == 503:
        headers["retry-after"] = "1"
    elif status == 408:
        headers["connection"] = "close"
    return as_json({"error": str(error)}, status, headers)


def status_of(error: LogsentryError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


async def refused_by_routing(request: Request, error: Exception) -> Response:
    """No route, or not this method: as JSON, as everything else."""
    assert isinstance(error, HTTPException)
    told = {404: "there is nothing at this address", 405: f"this address does not take {request.method}"}
    return as_json({"error": told.get(error.status_code, error.detail)}, error.status_code, error.headers)
