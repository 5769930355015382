"""Which part of a document is a record's bytes, and how it is taken out of what Elasticsearch sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from logsentry.sdk import InputError

DOCUMENT = "document"
USUAL = ("event.original", "message")
"""`record: message`: the untouched line where an ingest pipeline kept it (ECS `event.original`), else what it became."""

OURS = ("logsentry", "logsentry.*")
"""What an update in place adds to a document; left out, so that the record stays the one that was scored."""

Take = Callable[[msgspec.Raw], bytes | None]
"""From the `_source` of a document to the record's bytes; None where the document lacks the field."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def wanted(record: str) -> list[str] | dict[str, list[str]]:
    """The `_source` of a search: nothing is sent that no source will read."""
    if record == DOCUMENT:
        return {"excludes": list(OURS)}
    return list(USUAL) if record == "message" else [record]


def named(record: str) -> str:
    """The field as a sentence names it."""
    return " or ".join(USUAL) if record == "message" else record


def taking(record: str) -> Take:
    """Without its last line break, as a line of a file would be. A value that is no text is given as its JSON."""
    if record == DOCUMENT:
        return bytes
    fields = USUAL if record == "message" else (record,)

    def take(source: msgspec.Raw) -> bytes | None:
        document = _document(source)
        for field in fields:
            found = value(document, field)
            if isinstance(found, list) and len(found) == 1:
                found = found[0]
            if isinstance(found, str):
                return _line(found)
            if found is not None and found != []:
                return msgspec.json.encode(found)
        return None

    return take


def value(document: dict[str, Any], field: str) -> Any:
    """The value of `a.b`, which documents spell `{"a": {"b": …}}` or `{"a.b": …}`; None where there is none."""
    found = document.get(field)
    at = field.find(".")
    while found is None and at > 0:
        inner = document.get(field[:at])
        if isinstance(inner, dict):
            found = value(inner, field[at + 1 :])
        at = field.find(".", at + 1)
    return found


def _document(source: msgspec.Raw) -> dict[str, Any]:
    try:
        return _decode(source)
    except msgspec.MsgspecError as error:
        raise InputError(f"Elasticsearch sent a document that is no JSON object: {error}") from error


def _line(text: str) -> bytes:
    data = text.encode()
    return data.removesuffix(b"\n").removesuffix(b"\r") if data[-1:] == b"\n" else data
