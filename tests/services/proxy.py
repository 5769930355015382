"""A proxy on the loopback that does to a client what networks and full clusters do, at moments that a test chooses.

A test gives it `faults`, which is asked for each request and answers what shall happen to it, or None. Faults that come after the
server has done its work (`Status(after=True)`, `Reset`, `Cut`) are those that make a client write twice. What passed is counted:
`requests` in order, and in `documents` how often each document was sent.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import orjson

BUSY = {"type": "es_rejected_execution_exception", "reason": "rejected execution of coordinating operation"}
NOT_FORWARDED = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "host", "accept-encoding"}


class Request(msgspec.Struct, frozen=True):
    """`number` counts all requests from 1, `bulk` the bulk requests (0 for others)."""

    number: int
    bulk: int
    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]


class Status(msgspec.Struct, frozen=True):
    """Answer this status; `after` the server has done what was asked, or (by default) instead of asking it."""

    status: int
    body: bytes = b""
    after: bool = False
    headers: Mapping[str, str] = {}


class Reset(msgspec.Struct, frozen=True):
    """The connection is reset without an answer; `after` the server has done what was asked, or before it hears of it."""

    after: bool = True


class Cut(msgspec.Struct, frozen=True):
    """The server does it, and the connection ends in the middle of the answer."""


class Slow(msgspec.Struct, frozen=True):
    """The server does it, and the answer comes so many seconds later."""

    seconds: float


class Busy(msgspec.Struct, frozen=True):
    """A share of the documents of a bulk request is not let through and answered 429, as of a full write queue."""

    share: float
    seed: int = 0


Fault = Status | Reset | Cut | Slow | Busy
Faults = Callable[[Request], Fault | None]
Phase = Literal["asked", "done", "answered"]


def at(script: Mapping[int, Fault]) -> Faults:
    """Faults of bulk requests by their number, from 1."""
    return lambda request: script.get(request.bulk)


def sometimes(fault: Fault, share: float, seed: int) -> Faults:
    """The fault in this share of bulk requests, the same for each seed."""
    chance = Random(seed)
    return lambda request: fault if request.bulk and chance.random() < share else None


class Proxy:
    """Forwards to `upstream` (http) from a port of its own, by TLS where `tls` is given; `watch` hears of each phase of a request."""

    def __init__(self, upstream: str, faults: Faults | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.upstream = urlsplit(upstream)
        self.faults: Faults = faults or (lambda request: None)
        self.watch: Callable[[Request, Phase], None] = lambda request, phase: None
        self.requests: list[tuple[Request, int]] = []
        """Each request with the status that was answered, 0 where none was."""
        self.documents: Counter[str] = Counter()
        """How often each `index/_id` was sent in a bulk request."""
        self.held: Counter[str] = Counter()
        """How often each of them was not let through (`Busy`)."""
        self._lock, self._numbers = threading.Lock(), [0, 0]
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def numbered(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Request:
        bulk = urlsplit(path).path.endswith("/_bulk")
        with self._lock:
            self._numbers[0] += 1
            self._numbers[1] += bulk
            return Request(self._numbers[0], self._numbers[1] if bulk else 0, method, path, body, headers)

    def note(self, request: Request, status: int) -> None:
        with self._lock:
            self.requests.append((request, status))

    def count(self, names: list[str], held: set[int]) -> None:
        with self._lock:
            self.documents.update(names)
            self.held.update(names[place] for place in held)

    def statuses(self, ending: str = "") -> list[int]:
        """What was answered to requests whose path ends so, in order."""
        return [status for request, status in self.requests if urlsplit(request.path).path.endswith(ending)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: Proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed breaks its connection: that is what the tests are about, and no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = proxy.numbered(self.command, self.path, body, headers)
        proxy.watch(request, "asked")
        fault = proxy.faults(request)
        if isinstance(fault, Status | Reset) and not fault.after:
            self._spoil(request, fault, b"")
            return
        status, answer, kind = _forwarded(proxy, request, fault if isinstance(fault, Busy) else None)
        proxy.watch(request, "done")
        if fault is None or isinstance(fault, Busy | Slow):
            time.sleep(fault.seconds if isinstance(fault, Slow) else 0)
            self._answer(request, status, answer, {"content-type": kind})
            proxy.watch(request, "answered")
        else:
            self._spoil(request, fault, answer)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _spoil(self, request: Request, fault: Fault, answer: bytes) -> None:
        if isinstance(fault, Status):
            self._answer(request, fault.status, fault.body, {"content-type": "application/json", **fault.headers})
            return
        self.server.proxy.note(request, 0)
        self.close_connection = True
        if isinstance(fault, Cut):
            self._head(200, len(answer), {"content-type": "application/json"})
            self.wfile.write(answer[: len(answer) // 2])
            self.wfile.flush()
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # so that closing resets
        self.connection.close()

    def _answer(self, request: Request, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.server.proxy.note(request, status)
        self._head(status, len(body), headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"x-elastic-product": "Elasticsearch", **headers, "content-length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `Proxy.requests` is the log."""


def documents_of(body: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """(action, document's line) of each item of a bulk body; a deletion has an empty line."""
    lines, found = iter(body.splitlines()), []
    for line in lines:
        action: dict[str, Any] = orjson.loads(line)
        found.append((action, b"" if "delete" in action else next(lines)))
    return found


def names_of(request: Request) -> list[str]:
    """`index/_id` of each item of a bulk request."""
    index = urlsplit(request.path).path.removesuffix("/_bulk").strip("/")
    actions = [next(iter(action.values())) for action, _ in documents_of(request.body)]
    return [f"{action.get('_index', index)}/{action.get('_id', '')}" for action in actions]


def _forwarded(proxy: Proxy, request: Request, busy: Busy | None) -> tuple[int, bytes, str]:
    """What the server answers (status, body, content type), with the items that were held back put in as 429."""
    body, held = request.body, set[int]()
    if request.bulk:
        if busy is not None:
            body, held = _thinned(body, busy, request.bulk)
        proxy.count(names_of(request), held)
    if held and not body:
        status, answer, kind = 200, b'{"errors":false,"items":[]}', "application/json"
    else:
        status, answer, kind = _asked(proxy, request, body)
    return status, _with_busy(request.body, answer, held) if held and status == 200 else answer, kind


def _asked(proxy: Proxy, request: Request, body: bytes) -> tuple[int, bytes, str]:
    there = HTTPConnection(proxy.upstream.hostname or "", proxy.upstream.port, timeout=120)
    try:
        headers = {name: value for name, value in request.headers.items() if name not in NOT_FORWARDED}
        there.request(request.method, request.path, body or None, headers)
        found = there.getresponse()
        return found.status, found.read(), found.getheader("content-type", "application/json")
    except (HTTPException, OSError) as error:
        return 502, orjson.dumps({"error": f"the proxy cannot reach the server: {error}"}), "application/json"
    finally:
        there.close()


def _thinned(body: bytes, busy: Busy, number: int) -> tuple[bytes, set[int]]:
    chance = Random(busy.seed * 1_000_003 + number)
    kept, held = [], set()
    for place, (action, line) in enumerate(documents_of(body)):
        if chance.random() < busy.share:
            held.add(place)
        else:
            kept += [orjson.dumps(action), *([line] if line else [])]
    return b"".join(line + b"\n" for line in kept), held


def _with_busy(body: bytes, answer: bytes, held: set[int]) -> bytes:
    content = orjson.loads(answer)
    passed, items = iter(content.get("items", ())), []
    for place, (action, _) in enumerate(documents_of(body)):
        kind = next(iter(action))
        items.append({kind: {"status": 429, "error": BUSY}} if place in held else next(passed, {kind: {"status": 201}}))
    return orjson.dumps({**content, "errors": True, "items": items})
