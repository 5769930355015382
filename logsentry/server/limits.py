"""What one request, one client and the whole server may ask for; past it the answer is a status, never an effort."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from logsentry.errors import UsageError


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The defaults suit logs: windows of some hundred keys, requests of some thousand lines."""

    body_bytes: Annotated[int, Meta(ge=1, description="of a request, packed or not")] = 16 << 20
    unpacked_ratio: Annotated[float, Meta(ge=1, description="of an unpacked body to the packed one, at most")] = 100.0
    windows: Annotated[int, Meta(ge=1, description="in one request")] = 10_000
    lines: Annotated[int, Meta(ge=1, description="in one request of raw logs")] = 50_000
    waiting: Annotated[int, Meta(ge=1, description="windows of one model that may wait; past it 429 with Retry-After")] = 20_000
    batch: Annotated[int, Meta(ge=1, description="windows judged together; 1 turns batching off")] = 512
    wait_seconds: Annotated[float, Meta(ge=0, description="that an idle model waits for more windows before it starts")] = 0.0
    deadline_seconds: Annotated[float, Meta(gt=0, description="a request may wait, where it names no deadline of its own")] = 30.0
    connections: Annotated[int, Meta(ge=1, description="at once; past it 503")] = 2_000
    dead_letter_bytes: Annotated[
        int, Meta(ge=1, description="of the file of a forwarder's dead letters; past it the forwarder takes nothing")
    ] = 256 << 20
    header_seconds: Annotated[float, Meta(gt=0, description="for a client to send a whole request")] = 30.0


def given(named: Mapping[str, Any], limits: Limits) -> Limits:
    """The limits with some of them as given, numbers or their text. Raises `UsageError` for an unknown name or a number out of range."""
    try:
        return msgspec.convert({**msgspec.structs.asdict(limits), **named}, Limits, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(field.name for field in msgspec.structs.fields(Limits))
        raise UsageError(f"the limits are wrong: {error}; there are {known}") from error
