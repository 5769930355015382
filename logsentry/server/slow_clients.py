"""Clients that take their time: the bounds on a connection that the server below us does not set.

uvicorn times out a connection only between requests. Here a request's head has to be whole within `Limits.header_seconds` and
`HEAD_BYTES`, else it is answered with 408 or 431; and what is left of a body that was answered already (413, 401) is read and thrown
away for as long, so that the client can read its answer, and then the connection is cut (nginx calls it lingering).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES = 64 << 10
"""Of a request's first line and headers."""


def protocol(seconds: float) -> type[HttpToolsProtocol]:
    """The protocol class that uvicorn is to make one of for each connection."""
    return type("Bounded", (_Bounded,), {"seconds": seconds})


class _Bounded(HttpToolsProtocol):
    seconds = 30.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head, self._in_body = True, False
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._refuse(431, b"the first line and the headers are too long")
        elif self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._too_slow)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._in_head, self._in_body = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self.pipeline and not self.transport.is_closing():
            self._stop_timer()
            self._timer = self.loop.call_later(self.seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        """The timer of a head; where the connection idles before its first request, it is closed without a word."""
        self._timer = None
        if self._head_bytes:
            self._refuse(408, b"the request was not sent in time")
        else:
            self.transport.close()

    def _refuse(self, status: int, why: bytes) -> None:
        self._stop_timer()
        if self.transport.is_closing():
            return
        body = b'{"error":"%b"}' % why
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
