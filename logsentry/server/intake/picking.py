"""The raw record out of a JSON document that a forwarder made of it: one of its fields, or the document itself."""

from __future__ import annotations

from typing import Any

import msgspec

from logsentry.errors import UsageError

WHOLE = "document"


def parsed(data: bytes) -> dict[str, Any]:
    """Raises `UsageError` where it is no JSON object."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"failed to parse: {error}") from error
    if not isinstance(found, dict):
        raise UsageError("failed to parse: a document is a JSON object")
    return found


def picked(document: dict[str, Any], raw: bytes, field: str) -> tuple[bytes, str]:
    """(the record, the field that is lacking): without the field the record is the whole document, for the dead letters."""
    if field == WHOLE:
        return raw, ""
    found = _at(document, field)
    return (found.encode().rstrip(b"\r\n"), "") if isinstance(found, str) else (raw, field)


def _at(document: Any, field: str) -> Any:
    """`event.original` under that very name, or nested."""
    if not isinstance(document, dict):
        return None
    if field in document:
        return document[field]
    first, dot, rest = field.partition(".")
    return _at(document.get(first), rest) if dot else None
