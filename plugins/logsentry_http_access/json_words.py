"""Values of a JSON line as words: text and numbers as text, everything else as nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logsentry_http_access.parties import BLANK

Table = dict[str, tuple[str, int]]
"""{a server's name: (our name, rank)}; of several that say something the one of the lowest rank counts."""


def table(names: Mapping[str, tuple[str, ...]]) -> Table:
    """{our name: the names that a server may use, the best first}, turned round for one pass over an entry."""
    return {theirs: (name, rank) for name, all_ in names.items() for rank, theirs in enumerate(all_)}


def words_of(entry: Mapping[str, Any], names: Table) -> dict[str, str]:
    """{our name: word} of all members that have a name here and say something."""
    found: dict[str, str] = {}
    ranks: dict[str, int] = {}
    for key, value in entry.items():
        if (named := names.get(key)) is None:
            continue
        text = value if type(value) is str else word(value)
        name, rank = named
        if text not in BLANK and rank < ranks.get(name, 99):
            found[name], ranks[name] = text.strip(), rank
    return found


def word(value: object) -> str:
    """A value as the text that a log line would have; lists of texts give their members, commas between."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return _number(value)
    return ", ".join(word(inner) for inner in value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else ""


def _number(value: int | float) -> str:
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else ""
    if not abs(value) < 10**15:
        return ""
    shortest = repr(value)  # what the server wrote, where it is no more than 17 digits
    return f"{value:.9f}" if "e" in shortest else shortest.removesuffix(".0")
