"""A collector that keeps to the documented protocol of Splunk's HTTP Event Collector, strictly, and forgets nothing it was given.

Sources: Splunk's pages "Format events for HTTP Event Collector", "HTTP Event Collector indexer acknowledgment" and "Possible error
codes". `script` holds answers to give in place of the normal one, in order: (status, body), or `BREAK` to store the events and then cut
the connection.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any
from uuid import UUID

from services.answering import Answering, address, answering

TOKEN = "5f1c1b0a-0000-4000-8000-00000000c0de"
BREAK = (0, b"")
ENVELOPE = {"time", "host", "source", "sourcetype", "index", "event", "fields"}


class Refused(Exception):
    """An answer other than success: status, code, text, and the first bad event."""

    def __init__(self, status: int, code: int, text: str, number: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.body = {"text": text, "code": code} | ({} if number is None else {"invalid-event-number": number})


class Hec:
    """What the server knows; `events` are those it stored, in order."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.script: list[tuple[int, bytes]] = []
        self.acknowledges = False
        self.slow_acks = 0
        """How many times an acknowledgement is said to be missing before it is given."""
        self.max_bytes = 1_000_000
        self.url = ""
        self._acks: dict[int, int] = {}
        self._lock = threading.Lock()

    def collect(self, headers: Any, body: bytes) -> dict[str, Any]:
        """The answer to events. As Splunk does, nothing of a request is kept in which one event is bad."""
        self._authorized(headers)
        data = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        if len(data) > self.max_bytes:
            raise Refused(413, -1, "Request Entity Too Large")
        channel = self._channel(headers.get("x-splunk-request-channel"), needed=self.acknowledges)
        found = list(_objects(data))
        if not found:
            raise Refused(400, 5, "No data")
        with self._lock:
            self.requests.append({"channel": channel, "events": len(found), "bytes": len(data)})
            if self.script and self.script[0] != BREAK:
                status, said = self.script.pop(0)
                raise Refused(
                    status, json.loads(said or b"{}").get("code", -1), "by script", json.loads(said or b"{}").get("number")
                )
            self.events += found
            if self.acknowledges:
                self._acks[len(self._acks)] = self.slow_acks
                return {"text": "Success", "code": 0, "ackId": len(self._acks) - 1}
        return {"text": "Success", "code": 0}

    def acknowledge(self, headers: Any, body: bytes, channel: str | None) -> dict[str, Any]:
        self._authorized(headers)
        self._channel(channel or headers.get("x-splunk-request-channel"), needed=True)
        if not self.acknowledges:
            raise Refused(400, 14, "ACK is disabled")
        answers = {}
        for ack in json.loads(body)["acks"]:
            left = self._acks.get(ack, -1)
            answers[str(ack)] = left == 0
            if left > 0:
                self._acks[ack] = left - 1
            elif left == 0:
                self._acks[ack] = -1  # the server forgets what it has told
        return {"acks": answers}

    def _authorized(self, headers: Any) -> None:
        given = headers.get("authorization")
        if given is None:
            raise Refused(401, 2, "Token is required")
        if not given.startswith("Splunk "):
            raise Refused(401, 3, "Invalid authorization")
        if given != f"Splunk {TOKEN}":
            raise Refused(403, 4, "Invalid token")

    def _channel(self, channel: str | None, needed: bool) -> str | None:
        if channel is None and needed:
            raise Refused(400, 10, "Data channel is missing")
        try:
            return None if channel is None else str(UUID(channel))
        except ValueError:
            raise Refused(400, 11, "Invalid data channel") from None


def _objects(data: bytes) -> Iterator[dict[str, Any]]:
    decoder, text, at, number = json.JSONDecoder(), data.decode("utf-8", "surrogateescape"), 0, 0
    while at < len(text):
        if text[at] in " \r\n\t":
            at += 1
            continue
        try:
            found, at = decoder.raw_decode(text, at)
        except ValueError:
            raise Refused(400, 6, "Invalid data format", number) from None
        if not isinstance(found, dict) or not found.keys() <= ENVELOPE:
            raise Refused(400, 6, "Invalid data format", number)
        if "event" not in found:
            raise Refused(400, 12, "Event field is required", number)
        if found["event"] in ("", None):
            raise Refused(400, 13, "Event field cannot be blank", number)
        if not all(isinstance(value, str | list) for value in found.get("fields", {}).values()):
            raise Refused(400, 15, "Error in handling indexed fields", number)
        yield found
        number += 1


class _Handler(Answering):
    hec: Hec
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.body()
        path, _, query = self.path.partition("?")
        try:
            if path in ("/services/collector", "/services/collector/event"):
                said, status = self.hec.collect(self.headers, body), 200
                if self.hec.script and self.hec.script[0] == BREAK:
                    self.hec.script.pop(0)
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
            elif path == "/services/collector/ack":
                said, status = self.hec.acknowledge(self.headers, body, query.partition("channel=")[2] or None), 200
            else:
                said, status = {"text": "The requested URL was not found on this server.", "code": 404}, 404
        except Refused as refused:
            said, status = refused.body, refused.status
        self.answer(status, said)


@contextmanager
def served() -> Iterator[Hec]:
    """A collector on loopback, gone at the end of the block."""
    hec = Hec()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hec": hec}))
    hec.url = address(server)
    with answering(server):
        yield hec
