"""Values against types, with errors that name the line and the nearest known key.

msgspec converts; this module adds what it does not say: unknown keys of structs that do not forbid them, the names that
are known, plain words for types, and the line. No value is ever quoted, because it may be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from logsentry.config.document import Document, Place, spell
from logsentry.errors import ConfigError
from logsentry.schema.secret import Secret, given

T = TypeVar("T")

_WORDS = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "null": "empty",
    "array": "a list", "object": "a mapping (`name: value`)",
}  # fmt: skip
_LAX = (inspect.IntType, inspect.FloatType, inspect.BoolType)


def typed(document: Document, place: Place, value: Any, kind: type[T], also: Iterable[str] = ()) -> T:
    """The value as this type; raises `ConfigError` with the line. `also` are keys beside it that were taken out before."""
    value = _walk(document, place, value, inspect.type_info(kind), tuple(also))
    try:
        return msgspec.convert(value, kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise _reworded(document, place, str(error)) from error


def unknown(document: Document, place: Place, keys: Iterable[str], known: Iterable[str]) -> None:
    """Raises `ConfigError` for the first key that is not known, with the nearest one that is."""
    names = list(known)
    for key in keys:
        if key not in names:
            near = difflib.get_close_matches(key, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
            where = f" in {spell(place)}" if place else ""
            raise document.error((*place, key), f"unknown key {key!r}{where}; {hint}")


def _decode(kind: type, value: Any) -> Any:
    if kind is Secret:
        return given(value)
    raise NotImplementedError(f"an option of type {kind.__name__} cannot be read from a configuration")


def _walk(document: Document, place: Place, value: Any, kind: inspect.Type, also: tuple[str, ...] = ()) -> Any:
    """The value with text from variables turned into the numbers they stand for; finds unknown keys and names."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        return _walk_union(document, place, value, kind, also)
    if isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        unknown(document, place, value, [*fields, *also])
        return {key: _walk(document, (*place, key), inner, fields[key]) for key, inner in value.items()}
    if isinstance(kind, inspect.DictType) and isinstance(value, dict):
        return {key: _walk(document, (*place, key), inner, kind.value_type) for key, inner in value.items()}
    if isinstance(kind, inspect.CollectionType) and isinstance(value, list):
        return [_walk(document, (*place, index), inner, kind.item_type) for index, inner in enumerate(value)]
    if isinstance(kind, inspect.LiteralType) and isinstance(value, str) and value not in kind.values:
        raise document.error(place, f"{spell(place)} should be one of {', '.join(map(str, kind.values))}")
    if isinstance(kind, _LAX) and isinstance(value, str) and place in document.substituted:
        return _number(value, kind)
    return value


def _walk_union(document: Document, place: Place, value: Any, kind: inspect.UnionType, also: tuple[str, ...]) -> Any:
    """`X | None` is walked as X; a real choice is msgspec's to make."""
    choices = [choice for choice in kind.types if not isinstance(choice, inspect.NoneType)]
    return _walk(document, place, value, choices[0], also) if len(choices) == 1 and value is not None else value


def _number(text: str, kind: inspect.Type) -> Any:
    wanted = {inspect.IntType: int, inspect.FloatType: float, inspect.BoolType: bool}[type(kind)]
    try:
        return msgspec.convert(text, wanted, strict=False)
    except msgspec.ValidationError:
        return text  # stays text, and is reported as such with its line


def _reworded(document: Document, place: Place, message: str) -> ConfigError:
    """msgspec's ``Expected `int`, got `str` - at `$.threads` `` in the words and with the line of the file."""
    said, _, path = message.partition(" - at `")
    for index, name in re.findall(r"\[(\d+)\]|\.([^.\[\]`]+)", path):
        place = (*place, int(index) if index else name)
    if (lacking := re.fullmatch(r"Object missing required field `(.*)`", said)) is not None:
        return document.error(place, f"{spell(place)} lacks {lacking[1]!r}")
    plain = re.sub(r"`([^`]*)`", lambda match: " or ".join(_WORDS.get(k, k) for k in match[1].split(" | ")), said)
    expected = plain.removeprefix("Expected ").replace(", got ", ", not ")
    return document.error(place, f"{spell(place)} {expected if said[:1].islower() else 'should be ' + expected}")
