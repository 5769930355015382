"""Why a window got its score: the keys most members did not expect, and what they held likelier instead.

A finding speaks of positions and key ids, so that it can be kept for every window with the same keys; a reason speaks of one
window's events in words.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from logsentry.schema.score import Reason
from logsentry.schema.window import Window
from logsentry.scoring.evidence import EVIDENCE, Rarity, gather
from logsentry.text.logkeys import LogKeys
from logsentry.text.vocabulary import END, UNK

MOST = 5
"""Findings kept of one window: the strangest ones."""


class Finding(msgspec.Struct, frozen=True):
    """`position` counts tokens, the begin key being 0; -1 is the window as a whole, whose `rank` is then without meaning.

    `further_than` says of the whole window which normal windows lie nearer to the centre.
    """

    position: int
    rank: int
    key: int
    expected: tuple[int, ...]
    further_than: str = ""


def findings(
    ids: np.ndarray, ranks: np.ndarray, distance: np.ndarray, expected: np.ndarray, top_g: int, rarity: Rarity
) -> list[tuple[Finding, ...]]:
    """For windows `[batch, length]` with ranks `[members, batch, length]`, distance `[members, batch]` and expected
    `[batch, length, 3]`: the positions whose median rank is outside the top-g, strangest first, and the distance where it
    says more than they do."""
    middle = np.median(ranks, axis=0)
    far = _far(gather(ranks, distance, top_g), rarity)
    found = []
    for row in range(len(ids)):
        strange = [at for at in np.argsort(-middle[row, 1:], kind="stable") + 1 if middle[row, at] >= top_g]
        of_window = [_finding(ids[row], int(at), middle[row], expected[row]) for at in strange[:MOST]]
        if far[row] > 0:
            of_window.append(Finding(-1, 0, 0, (), _further_than(float(far[row]), rarity.windows)))
        found.append(tuple(of_window))
    return found


def _finding(ids: np.ndarray, at: int, ranks: np.ndarray, expected: np.ndarray) -> Finding:
    instead = tuple(int(key) for key in expected[at] if key not in (ids[at], UNK))
    return Finding(at, int(ranks[at]), int(ids[at]), instead)


def _far(evidence: np.ndarray, rarity: Rarity) -> np.ndarray:
    """`[batch]`: the median rarity of the distance where it exceeds that of the keys for most members, else 0."""
    kinds = np.stack([rarity.kinds(member, index) for index, member in enumerate(evidence)])  # [members, batch, kinds]
    apart = EVIDENCE.index("distance")
    distance = np.median(kinds[:, :, apart], axis=0)
    keys = np.median(np.delete(kinds, apart, axis=2).max(axis=2), axis=0)
    far: np.ndarray = np.where((distance > keys) & (distance >= 1.0), distance, 0.0)
    return far


def _further_than(decades: float, windows: int) -> str:
    """Counting ends at the number of windows that were held back: what is beyond them all is said to be just that."""
    seen = 10**decades
    return "any that was held back" if seen > windows else f"all but one in {seen:,.0f}"


def reasons(found: Sequence[Finding], window: Window, keys: LogKeys) -> tuple[Reason, ...]:
    """The findings in words, with the window's own events."""
    return tuple(_reason(finding, window, keys) for finding in found)


def _reason(finding: Finding, window: Window, keys: LogKeys) -> Reason:
    expected = tuple(keys.text(key) for key in finding.expected)
    if finding.position < 0:
        return Reason("lies further from the centre of normal windows than " + finding.further_than)
    if finding.key == END:
        return Reason(
            "ends where it was expected to go on",
            position=len(window.events),
            seen=keys.text(END),
            expected=expected,
            rank=finding.rank,
        )
    event = window.events[finding.position - 1]
    what = "was never seen in training, or hardly ever" if finding.key == UNK else "is not expected here"
    return Reason(what, event.id, finding.position - 1, keys.line(event), expected, finding.rank)
