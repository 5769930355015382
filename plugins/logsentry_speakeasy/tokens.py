"""The source `speakeasy-tokens`: reports that were tokenized elsewhere, one JSON object a line.

    {"ids": [45, 55, 21], "label": "trojan", "sha": "0035…", "date": "2022-04-01"}

A line is one event, in order, so that a scored file has a line for each of its own; a row without ids is one too. Every other key
is kept under `tokens.` as it is. What an id stands for is for the detector that was trained on such rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import msgspec

from logsentry.sdk import BadRecord, Event, Field, Filtered, Framing, Profile, Record, Value, Windowing, event_id

_LARGEST = 2**31 - 1
_WIDEST = 2**63
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")

Id = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
_rows: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ids: msgspec.json.Decoder[list[Id]] = msgspec.json.Decoder(list[Id])


class TokensConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`max_row_bytes`: a longer line is dead-lettered unread."""

    max_row_bytes: int = 64 << 20


class SpeakeasyTokens:
    """Decodes one row of token ids into one event, a window of its own."""

    name: ClassVar[str] = "speakeasy-tokens"
    framing: ClassVar[Framing] = "lines"
    profile: ClassVar[Profile] = Profile(fields=(Field("tokens.ids", absent="<no-ids>"),), windows=Windowing())
    own_prefixes: ClassVar[tuple[str, ...]] = ("tokens.",)
    Config: ClassVar[type[msgspec.Struct]] = TokensConfig

    def __init__(self, config: TokensConfig) -> None:
        self._max_row_bytes = config.max_row_bytes

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        """One event; raises `BadRecord` for what is no object with a list of ids from 0 to 2,147,483,647."""
        data = record.data
        if len(data) > self._max_row_bytes:
            raise BadRecord(f"the row has {len(data):,} bytes, more than the {self._max_row_bytes:,} that are read")
        data = data.removeprefix(b"\xef\xbb\xbf")
        if not data or data.isspace():
            return Filtered("blank record")
        row = _row(data)
        ids = _ids_of(row)
        fields: dict[str, Value] = {"event.kind": "event", **_others(row), "tokens.ids_count": len(ids)}
        if ids:
            fields["tokens.ids"] = ids
        message = f"a row of {len(ids):,} token id{'s' * (len(ids) != 1)}"
        return (Event(event_id(record), None, self.name, fields, message, record.data),)


def _row(data: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _rows.decode(data)
    except msgspec.ValidationError:
        raise BadRecord('the line is no JSON object; a row of token ids is written {"ids": [4, 8, …]}') from None
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError and UnicodeDecodeError are ValueErrors
        raise BadRecord(f"the row is not valid JSON: {error}") from None


def _ids_of(row: dict[str, msgspec.Raw]) -> list[int]:
    raw = row.pop("ids", None)
    if raw is None:
        raise BadRecord("the row has no 'ids', the list of its token ids")
    try:
        return _ids.decode(raw)
    except (ValueError, RecursionError) as error:
        wrong = f"'ids' is no list of whole numbers from 0 to {_LARGEST:,}: {error}"
        raise BadRecord(wrong.replace("`", "")) from None


def _others(row: dict[str, msgspec.Raw]) -> dict[str, Value]:
    """The other keys of a row as fields of this source; what is null or empty is left out."""
    fields: dict[str, Value] = {}
    for name, raw in row.items():
        if not _NAME.fullmatch(name):
            raise BadRecord(f"the key {name[:80]!r} is no plain name of letters, digits and underscores, 64 at most")
        if (value := _kept(raw)) is not None:
            fields[f"tokens.{name}"] = value
    return fields


def _kept(raw: msgspec.Raw) -> Value | None:
    """A value as it is where a field can hold it; objects, mixed lists and numbers beyond 64 bits as their JSON text."""
    try:
        value: Any = msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"the row is not valid JSON: {error}") from None
    if value is None or value in ("", "-") or value == []:
        return None
    members = value if isinstance(value, list) else [value]
    plain = {type(member) for member in members}
    allowed = ({str}, {int}) if isinstance(value, list) else ({str}, {int}, {float}, {bool})
    fits = plain in allowed and all(-_WIDEST <= member < _WIDEST for member in members if type(member) is int)
    return value if fits else bytes(raw).decode("utf-8")
