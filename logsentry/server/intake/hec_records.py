"""The body of a request to Splunk's HTTP Event Collector: its events or raw lines as records for the spool.

Events are JSON objects one behind the other; text under `event` is the record, of an object it is the field that is configured. With one
bad event the whole body is refused, and the answer says which. Sources: Splunk's pages "Format events for HTTP Event Collector" and
"Possible error codes". Tokens, channels and acknowledgements are in `hec.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from logsentry.errors import UsageError
from logsentry.server.intake.picking import picked
from logsentry.server.spool.records import Arrived

_BLANK = " \t\r\n"


class Refused(UsageError):
    """An answer other than success, with Splunk's code and text."""

    def __init__(self, status: int, code: int, text: str, number: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.said = {"text": text, "code": code} | ({} if number is None else {"invalid-event-number": number})


def raw_lines(data: bytes, peer: str) -> Iterator[Arrived]:
    now = time.time_ns()
    for line in data.split(b"\n"):
        if line := line.rstrip(b"\r"):
            yield Arrived(line, "hec/raw", peer, now)


def events(data: bytes, field: str, peer: str) -> Iterator[Arrived]:
    """The records of concatenated JSON objects. Raises `Refused` for the first bad one: of its request nothing is kept."""
    now = time.time_ns()
    for number, event in enumerate(_events(data)):
        if isinstance(event, str):
            yield Arrived(_encoded(event, number).rstrip(b"\r\n"), "hec", peer, now)
        else:
            raw = _encoded(json.dumps(event, ensure_ascii=False, separators=(",", ":")), number)
            record, lacks = picked(event, raw, field) if isinstance(event, dict) else (raw, "")
            yield Arrived(record, "hec", peer, now, lacks=lacks)


def _events(data: bytes) -> Iterator[Any]:
    """What is under `event` in each object."""
    decoder, at, number = json.JSONDecoder(), 0, 0
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Refused(400, 6, "Invalid data format", 0) from None
    while (at := _behind_blanks(text, at)) < len(text):
        try:
            found, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            raise Refused(400, 6, "Invalid data format", number) from None
        if not isinstance(found, dict):
            raise Refused(400, 6, "Invalid data format", number)
        if "event" not in found:
            raise Refused(400, 12, "Event field is required", number)
        if found["event"] in ("", None):
            raise Refused(400, 13, "Event field cannot be blank", number)
        yield found["event"]
        number += 1


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _encoded(text: str, number: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        raise Refused(400, 6, "Invalid data format", number) from None
