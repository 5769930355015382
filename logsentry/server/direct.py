"""Addresses that are asked thousands of times a second, answered without the router.

Starlette tries each route in turn and wraps each answer in two handlers of exceptions; that costs as much as all else that is done for a
request of one window. The handlers given here raise nothing (`answers.guarded`), so they need neither. What is asked in
another way than these routes allow goes on to the router, which says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.routing import Match, Route

from logsentry.server.answered import Message


class Direct:
    """An ASGI middleware. The routes stay the router's as well: it knows them where a method does not fit."""

    def __init__(self, app: Callable[..., Awaitable[None]], routes: Sequence[Route]) -> None:
        self._app, self._routes = app, tuple(routes)

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        for route in self._routes if scope["type"] == "http" else ():
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope["route"] = route
                scope.update(found)
                answer = await route.endpoint(Request(scope, receive, send))
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
