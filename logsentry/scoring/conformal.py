"""From "at most so many false alerts a day" to a threshold, with nothing but held-back normal windows.

Split conformal prediction (Vovk et al.; Laxhammar and Falkman for anomaly detection): if a normal window is exchangeable
with the n held-back ones, P(p-value <= a) <= a. So the wanted share of normal windows that may alert is the budget over
the normal windows a day, and the threshold is the smallest value whose p-value is not above that share. Between two neighbours among
the held-back windows the count alone does not say where the line is; it is drawn halfway, so that neither side of a gap is favoured.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from logsentry.errors import UsageError


class Threshold(msgspec.Struct, frozen=True):
    """`attainable` is false where n held-back windows cannot vouch for so small a share; then only values above all of them alert."""

    value: float
    share: float
    attainable: bool


def share_of(alerts_per_day: float, windows_per_day: float) -> float:
    """The share of normal windows that may alert."""
    if not alerts_per_day > 0:
        raise UsageError(f"an alert budget is a number of alerts a day above zero, not {alerts_per_day:g}")
    return min(1.0, alerts_per_day / windows_per_day)


class Rates:
    """`p_values` against the same held-back windows again and again: what does not depend on the values is made once."""

    def __init__(self, held_back: np.ndarray) -> None:
        self._count, self._edges = len(held_back), _edges(held_back)

    def __call__(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        found: np.ndarray = (1 + self._count - np.searchsorted(self._edges, values, side="left")) / (self._count + 1)
        return found


def p_values(values: Sequence[float] | np.ndarray, held_back: np.ndarray) -> np.ndarray:
    """`(1 + held-back windows at least as strange) / (n + 1)` for each value; `held_back` is sorted, `[n]`.

    A value between two held-back ones counts as the nearer of them, which only makes the p-value larger.
    """
    return (1 + at_least(np.asarray(values), held_back)) / (len(held_back) + 1)


def at_least(values: np.ndarray, held_back: np.ndarray) -> np.ndarray:
    """How many held-back windows are at least as strange; one just above a value, in the lower half of a gap, counts too."""
    counted: np.ndarray = len(held_back) - np.searchsorted(_edges(held_back), values, side="left")
    return counted


def threshold(held_back: np.ndarray, share: float) -> Threshold:
    """The smallest value whose p-value is at most `share`; `held_back` is sorted, `[n]`."""
    allowed = int(np.floor(share * (len(held_back) + 1) + 1e-9)) - 1
    if allowed < 0:
        return Threshold(_just_above(held_back[-1]), share, False)
    if allowed >= len(held_back):
        return Threshold(float("-inf"), share, True)
    return Threshold(_just_above(_edges(held_back)[len(held_back) - 1 - allowed]), share, True)


def _edges(held_back: np.ndarray) -> np.ndarray:
    """What a value must exceed to count as stranger than each held-back one: halfway to the next, the last one itself."""
    return np.append((held_back[:-1] + held_back[1:]) / 2, held_back[-1])


def smallest_budget(held_back: np.ndarray, windows_per_day: float) -> float:
    """The least number of false alerts a day that n held-back windows can vouch for."""
    return windows_per_day / (len(held_back) + 1)


def _just_above(value: float) -> float:
    return float(np.nextafter(value, np.inf))
