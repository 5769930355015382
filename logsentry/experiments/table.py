"""A table as Markdown for readers and as CSV for programs; what is in it is for others."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from logsentry.experiments.intervals import Interval


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A pipe table; the first column is text and the others are numbers."""
    lines = [_line(columns), _line(["---", *["---:"] * (len(columns) - 1)]), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def comma_separated(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """RFC 4180, but for line ends, which are plain newlines."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([columns, *rows])
    return out.getvalue()


def percent(value: float | None) -> str:
    """`94.12`; a dash where nothing is known."""
    return "–" if value is None else f"{100 * value:.2f}"


def percent_between(value: Interval) -> str:
    """`94.12 (93.5–94.7)`; a share is never said to be below nothing or above everything."""
    return f"{percent(value.mean)} ({100 * max(value.low, 0):.1f}–{100 * min(value.high, 1):.1f})"


def count_between(value: Interval) -> str:
    """`512 (480–544)`."""
    return f"{value.mean:,.0f} ({max(value.low, 0):,.0f}–{value.high:,.0f})"
