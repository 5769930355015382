"""A dead letter as a line of JSON: where its record stands, why it is here, and as much of the record as is kept.

    {"id", "input", "origin", "offset", "line", "length", "reason", "source", "record", "attempts", "at"}

`id` is made of the record's place and bytes alone, so the same record in a later run adds no second line. `record` is text, or
base64 with `"encoding": "base64"` where it is no UTF-8, and ends after 1 MiB, `"truncated": true` then; `length` is the full length in
bytes. Where they are known there are also: `index`, `document`, `time` and `version` (where the record's document stands), `lacks`
(the field that it has not), `status` and `error` (a server's answer), `score` (the id of the score that was refused), and the digests
`config` and `bundle`.

The file of them is in `deadletters.py`, reading lines back in `letters.py`.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from logsentry.schema.event import timestamp
from logsentry.schema.record import Address, Record

KEPT = 1 << 20
"""Bytes of a record that are kept: what is longer cannot be replayed."""


def line_of(key: str, record: Record, source: str, reason: str, also: Mapping[str, str | int]) -> bytes:
    said: dict[str, Any] = {
        "id": key,
        "input": record.input,
        "origin": record.origin,
        "offset": record.offset,
        "line": record.cursor.get("line"),
        "length": record.cursor.get("length", len(record.data)),
        **({"lacks": record.lacks} if record.lacks else {}),
        **_where(record.address),
        "reason": reason,
        "source": source,
        **also,
        "attempts": 1,
        **shown(record),
        "at": now(),
    }
    return encoded(said)


def encoded(said: Mapping[str, Any]) -> bytes:
    """A line of the file; what is no UTF-8 in a name is written out as an escape, which JSON reads back."""
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def now() -> str:
    return timestamp(time.time_ns() // 1_000_000 * 1_000_000)


def _where(address: Address | None) -> dict[str, Any]:
    if address is None:
        return {}
    version = [address.seq_no, address.primary_term]
    return {"index": address.index, "document": address.id, "version": version, "time": address.time}


def shown(record: Record) -> dict[str, Any]:
    """The first MiB as text, ending with a whole character, else as base64; and whether that is less than there was."""
    kept = record.data[:KEPT]
    cut = len(record.data) > KEPT
    length = record.cursor.get("length", len(record.data))
    less = {"truncated": True} if cut or (isinstance(length, int) and length > len(record.data)) else {}
    for spare in range(4 if cut else 1):
        try:
            return {"record": kept[: len(kept) - spare].decode(), **less}
        except UnicodeDecodeError:
            continue
    return {"record": b64encode(kept).decode(), "encoding": "base64", **less}
