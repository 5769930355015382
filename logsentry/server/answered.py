"""How requests ended, noted in one place for whoever counts, logs or traces them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Message = MutableMapping[str, Any]

Told = Callable[[Message, int, float], None]
"""Hears a request's ASGI scope, the status of its answer, 0 where there was none, and how many seconds it took."""


class Noting:
    """`send` of an ASGI application; `status` is that of the answer once it has begun."""

    def __init__(self, send: Callable[[Message], Awaitable[None]], status: int = 0) -> None:
        self._send, self.status = send, status

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


class Answered:
    """An ASGI middleware that tells of each request when it is over."""

    def __init__(self, app: Callable[..., Awaitable[None]], told: Sequence[Told]) -> None:
        self._app, self._told = app, told

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, noting = time.perf_counter(), Noting(send)
        try:
            await self._app(scope, receive, noting)
        finally:
            took = time.perf_counter() - began
            for told in self._told:
                told(scope, noting.status, took)
