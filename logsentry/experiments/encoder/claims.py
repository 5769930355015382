"""Published conclusions as data, and whether the rows of this study bear them out: by the interval of a difference, never by hand.

Published figures are of the authors' model with API arguments, which the staged rows lack, after five minutes on their GPU: only their
direction is held against ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from logsentry.experiments.encoder.measures import STATED, Judged

SOURCE = "https://github.com/dtrizna/nebula (evaluation notebooks, test set, mean of 3 folds)"


class Claim(msgspec.Struct, frozen=True):
    """`first` is better (`>`) than `second`, or not to be told from it (`=`), by `measure`; both are names of methods.

    `on` and `against` are the sets of rows that the two are judged on.
    """

    text: str
    first: str
    second: str
    relation: Literal[">", "="] = ">"
    measure: str = STATED
    on: str = "test"
    against: str = ""


def verdict(claim: Claim, found: Mapping[str, Mapping[str, Judged]]) -> str:
    """One sentence on a claim, from judged methods by name and set."""
    names = (claim.first, claim.second)
    if missing := [name for name in names if name not in found]:
        return f"Published: {claim.text} Not decided here: {missing[0]} was not run."
    first, second = found[claim.first][claim.on], found[claim.second][claim.against or claim.on]
    paired = not claim.against or claim.against == claim.on
    at = first.minus(second, claim.measure) if paired else None
    low, high = (at.low, at.high) if at else apart(first, second, claim.measure)
    mean = float(first.of(claim.measure).mean - second.of(claim.measure).mean)
    said = f"{claim.measure} differs by {100 * mean:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"Published: {claim.text} **{_word(claim.relation, low, high)}**: {said}."


def _word(relation: str, low: float, high: float) -> str:
    if relation == "=":
        return "It holds here, as far as these rows can tell" if low <= 0 <= high else "It does not hold here"
    return "It holds here" if low > 0 else "The contrary holds here" if high < 0 else "It cannot be told here"


def apart(first: Judged, second: Judged, measure: str) -> tuple[float, float]:
    """Ends of the difference between two sets of rows, whose draws have nothing to do with each other."""
    a, b = first.of(measure), second.of(measure)
    mean = a.mean - b.mean
    down = ((a.mean - a.low) ** 2 + (b.high - b.mean) ** 2) ** 0.5
    up = ((a.high - a.mean) ** 2 + (b.mean - b.low) ** 2) ** 0.5
    return mean - down, mean + up
