"""From ratings to precision, recall, F1 and false alarms, at thresholds that held-back normal windows alone decide.

Windows are distinct and weigh as often as they came. How sure a figure is comes from `intervals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from logsentry.scoring.conformal import threshold

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Measured(NamedTuple):
    """Shares between 0 and 1, and false alarms in 100,000 normal windows."""

    precision: float
    recall: float
    f1: float
    false_alarms: float


def alarms(values: Sequence[float] | Floats, held_back: Sequence[float] | Floats, share: float) -> Flags:
    """Which windows alert where at most `share` of normal windows may (split conformal, `scoring.conformal`)."""
    bar = threshold(np.sort(np.asarray(held_back, dtype=np.float64)), share)
    alert: Flags = np.asarray(values, dtype=np.float64) >= bar.value
    return alert


def attainable(held_back: int, share: float) -> bool:
    """Whether so many held-back windows can vouch for the share; else only what is stranger than all of them alerts."""
    return share * (held_back + 1) + 1e-9 >= 1


def measured(alarm: Flags, normal: NDArray[np.int64], abnormal: NDArray[np.int64]) -> Measured:
    return from_counts(float(abnormal[alarm].sum()), float(normal[alarm].sum()), float(abnormal.sum()), float(normal.sum()))


def from_counts(true: float, false: float, abnormal: float, normal: float) -> Measured:
    """From true and false alarms among so many abnormal and normal windows; nothing found is 0, not undefined."""
    precision = true / (true + false) if true + false else 0.0
    recall = true / abnormal if abnormal else 0.0
    f1 = 2 * true / (true + false + abnormal) if true else 0.0
    return Measured(precision, recall, f1, 100_000 * false / normal if normal else 0.0)


class Curve(NamedTuple):
    """Precision and recall over all thresholds, the highest threshold first: `[points]` each."""

    precision: Floats
    recall: Floats

    @property
    def best(self) -> float:
        """The F1 of the threshold that the test labels would choose: nobody has it, since nobody has the labels."""
        both = self.precision + self.recall
        with np.errstate(invalid="ignore"):
            return float(np.nan_to_num(2 * self.precision * self.recall / both).max(initial=0.0))


def curve(values: Sequence[float] | Floats, normal: NDArray[np.int64], abnormal: NDArray[np.int64]) -> Curve:
    """One point for each value that occurs, since windows of one value cannot be told apart."""
    rated = np.asarray(values, dtype=np.float64)
    order = np.argsort(-rated, kind="stable")
    last = np.append(np.flatnonzero(np.diff(rated[order])), len(order) - 1)
    true, false = abnormal[order].cumsum()[last], normal[order].cumsum()[last]
    return Curve(true / np.maximum(true + false, 1), true / max(abnormal.sum(), 1))
