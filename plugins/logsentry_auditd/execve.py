"""The arguments of a program out of its EXECVE records.

The kernel writes `a0="perl" a1=2D65`, splits an argument that is too long (`a2_len=16384 a2[0]=… a2[1]=…`), and goes on in more
records of the same event; a log may lack some of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from logsentry_auditd.entry import Entry
from logsentry_auditd.values import argument

_NAME = re.compile(r"a([0-9]{1,7})(?:\[([0-9]{1,7})\])?")


def arguments(entries: Sequence[Entry]) -> tuple[list[str], int]:
    """(the arguments that were logged, in order; how many the program was given).

    A missing one is left out of the list, so the list is shorter than the count where records were lost.
    """
    if len(entries) == 1 and entries[0].arguments:
        return entries[0].arguments, _count(entries, len(entries[0].arguments))
    parts: dict[int, dict[int, str]] = {}
    for entry in entries:
        for name, value in entry.fields.items():
            if (place := _NAME.fullmatch(name)) is not None:
                parts.setdefault(int(place[1]), {})[int(place[2] or 0)] = value
    found = [argument([pieces[at] for at in sorted(pieces)]) for _, pieces in sorted(parts.items())]
    return found, _count(entries, len(found))


def _count(entries: Sequence[Entry], at_least: int) -> int:
    logged = next((entry.fields["argc"] for entry in entries if "argc" in entry.fields), "")
    return int(logged) if logged.isascii() and logged.isdigit() and len(logged) < 10 else at_least
