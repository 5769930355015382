"""Dead letters for a person's eyes: a table, JSON, or whole lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from logsentry.pipeline.letters import Letter
from logsentry.reports.visible import visible

WIDEST = 60
"""Characters of a place or a reason in the table; the whole of it is in `show` and `--json`."""


def as_table(found: Sequence[Letter]) -> str:
    """One line a letter, and a last one that counts."""
    rows = [("ID", "AT", "TRIED", "WHERE", "STATUS", "WHY"), *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    kept_back = sum(letter.record is None for letter in found)
    return "\n".join([*lines, f"{len(found):,} dead letters, {len(found) - kept_back:,} of them can be replayed"])


def as_json(found: Sequence[Letter]) -> str:
    """One array; each letter without its record, and with what keeps it from being replayed."""
    return json.dumps([_without_record(letter) for letter in found], indent=2)


def as_lines(found: Sequence[Letter]) -> str:
    """One JSON line each, with everything that the file holds of it."""
    return "".join(json.dumps(letter.said) + "\n" for letter in found)


def _without_record(letter: Letter) -> dict[str, Any]:
    said = {name: value for name, value in letter.said.items() if name != "record"}
    return {**said, "attempts": letter.attempts, "replayable": letter.record is not None, "kept_back": letter.kept_back}


def _row(letter: Letter) -> tuple[str, ...]:
    said = letter.said
    why = str(said.get("reason", "")) + (f" (not to be replayed: {letter.kept_back})" if letter.kept_back else "")
    return (
        visible(letter.id)[:12],
        str(said.get("at", ""))[:19],
        str(letter.attempts),
        _short(_where(said)),
        str(said.get("status", "-")),
        _short(why),
    )


def _where(said: dict[str, Any]) -> str:
    if "index" in said:
        return f"{said['index']}/{said.get('document', '')}"
    return f"{said.get('input', '')}:{said.get('line') or said.get('offset', '')}"


def _short(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= WIDEST else shown[: WIDEST - 1] + "…"
