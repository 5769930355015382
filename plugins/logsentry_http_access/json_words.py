"""Values of a JSON line as words: text and numbers as text, everything else as nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logsentry_http_access.parties import BLANK

Table = tuple[tuple[str, str], ...]
"""(a server's name, our name), the best of several names first: the first that says something counts."""

_TOO_LARGE = 10**18


def table(names: Mapping[str, tuple[str, ...]]) -> Table:
    """{our name: the names that a server may use, the best first}, as pairs."""
    return tuple((theirs, name) for name, all_ in names.items() for theirs in all_)


def words_of(entry: Mapping[str, Any], names: Table) -> dict[str, str]:
    """{our name: word} of all members that have a name here and say something."""
    found: dict[str, str] = {}
    for theirs, name in names:
        value = entry.get(theirs)
        if value is None or name in found:
            continue
        text = value if type(value) is str else word(value)
        if text not in BLANK:
            found[name] = text.strip()
    return found


def word(value: Any) -> str:
    """A value as the text that a log line would have; lists of texts give their members, commas between."""
    if isinstance(value, str):
        return value.strip()
    kind = type(value)
    if kind is int:
        return str(value) if -_TOO_LARGE < value < _TOO_LARGE else ""
    if kind is float:
        return _decimal(value)
    if kind is not list:
        return ""
    texts = [inner.strip() for inner in value if type(inner) is str]
    return ", ".join(texts) if len(texts) == len(value) else ""


def _decimal(value: float) -> str:
    if not abs(value) < 10**15:
        return ""
    shortest = repr(value)  # what the server wrote, where it is no more than 17 digits
    return f"{value:.9f}" if "e" in shortest else shortest.removesuffix(".0")
