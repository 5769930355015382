"""Which events of a window the page shows at once and which it folds away: the surprises and their neighbours stay in sight."""

from __future__ import annotations

import msgspec

from logsentry.reports.content import ShownEvent, TopWindow
from logsentry.schema.score import Reason

AROUND = 2
"""Events shown before and after a surprising one."""

SHORT = 8
"""A window of so many events is shown whole, and a fold of fewer than three is not worth a click."""


class Row(msgspec.Struct, frozen=True):
    """An event and the reasons that name it."""

    event: ShownEvent
    reasons: tuple[Reason, ...]


class Passage(msgspec.Struct, frozen=True):
    """Neighbouring events of a window; the `folded` ones lie away from any reason."""

    rows: tuple[Row, ...]
    folded: bool


def passages(window: TopWindow) -> list[Passage]:
    """All events of the window, in order, cut where shown and folded ones meet."""
    rows = [Row(event, window.about(event)) for event in window.events]
    open_rows = _open(rows)
    cut: list[tuple[list[Row], bool]] = []
    for place, row in enumerate(rows):
        folded = place not in open_rows
        if not cut or cut[-1][1] != folded:
            cut.append(([], folded))
        cut[-1][0].append(row)
    return [Passage(tuple(part), folded and len(part) > 2) for part, folded in cut]


def _open(rows: list[Row]) -> set[int]:
    """Places of the rows to show: those near a surprise, or the ends of the window where there is none."""
    if len(rows) <= SHORT:
        return set(range(len(rows)))
    marked = [place for place, row in enumerate(rows) if row.reasons] or [0, len(rows) - 1]
    return {near for place in marked for near in range(place - AROUND, place + AROUND + 1)}
