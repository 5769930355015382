"""Asks an ASGI application in this process, without a socket, so that a test can reach into what serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.model_server import Answer


async def ask(
    app: Any, method: str, path: str, body: bytes | Any | None = None, headers: Mapping[str, str] | None = None, query: str = ""
) -> Answer:
    """A body that is not bytes is sent as JSON."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    sent: list[dict[str, Any]] = [{"type": "http.request", "body": data, "more_body": False}]
    got: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        got.append(message)

    named = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "headers": named, "server": ("test", 80),
        "client": ("127.0.0.1", 1), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    told = {name.decode(): value.decode("latin-1") for name, value in got[0]["headers"]}
    return Answer(got[0]["status"], told, b"".join(message.get("body", b"") for message in got[1:]))
