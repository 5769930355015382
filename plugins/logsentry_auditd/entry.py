"""One audit record after reading: its type, when and where, and its fields, whatever text they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

Stamp = tuple[str, int, int]
"""(node, nanoseconds since 1970, serial): what the records of one event share. The node is empty where none is named."""


class Entry(msgspec.Struct, gc=False):
    """`fields` are as logged, without quotes and out of hexadecimal; `names` are what auditd resolved behind `\\x1d`, keys in
    upper case; `arguments` are those of an EXECVE or a PROCTITLE where the format keeps them apart."""

    type: str
    fields: dict[str, str]
    names: dict[str, str]
    arguments: list[str] = []


ABSENT = frozenset(("", "?", "(null)", "(none)", '""', "-"))
"""How records say that there is no value."""
UNSET = frozenset(("4294967295", "-1", "unset", "", "?", "n/a"))
"""How records say that an id is not set: an unsigned -1, or a word (`n/a` is systemd's)."""
_NOTHING = ABSENT | UNSET - {"-1"}


def first_of(logged: Mapping[str, str], names: Sequence[str]) -> str:
    """The first of these fields that says something, or nothing."""
    for name in names:
        if (value := logged.get(name)) is not None and value not in _NOTHING:
            return value
    return ""
