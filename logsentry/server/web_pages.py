"""Web pages are kept from a server that needs no token: a browser on the same machine would lend them its place on loopback.

A page may send requests to 127.0.0.1, and by DNS rebinding, where its own name comes to mean 127.0.0.1, also read the answers. So
where no token is set, a request must name this machine in `Host`, and an `Origin`, which a browser sends with what a page asks, must be
this server itself. Other clients send no Origin. Sources: RFC 6454 section 7, RFC 9110 section 7.2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from logsentry.server.answers import as_json

Message = MutableMapping[str, Any]

TOLD = "web pages may not ask a server without tokens, which answers to this machine by its loopback address alone; start it with --tokens"


class NoPages:
    """An ASGI middleware for servers without tokens. Under TLS, which then is mutual, any `Host` will do."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not own(scope["headers"], scope["scheme"]):
            await as_json({"error": TOLD}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def own(headers: Iterable[tuple[bytes, bytes]], scheme: str) -> bool:
    """Whether no page of somebody else can have asked this."""
    host = origin = b""
    for name, value in headers:
        if name == b"host":
            host = value
        elif name == b"origin":
            origin = value
    if origin and origin != scheme.encode() + b"://" + host:
        return False
    return scheme == "https" or not host or loopback(host.decode("latin-1"))


@lru_cache(maxsize=256)  # clients name the same few hosts again and again, and parsing an address is a tenth of a small request
def loopback(host: str) -> bool:
    """`localhost` or an address of loopback, with a port or without."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
