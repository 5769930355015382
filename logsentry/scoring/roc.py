"""How well values tell malicious from benign at the false-positive rates that a person can bear: AUC and true-positive rates.

Values are of distinct things, which weigh as often as they came with each label; so a thing that came with both labels counts on both
sides, and a bootstrap over distinct things is only another set of weights. How sure a figure is comes from whoever draws those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from logsentry.errors import TrainingError

RATES = (1e-4, 1e-3, 1e-2, 1e-1)
"""False-positive rates at which true-positive rates are told, as the published tables have them."""
Floats = NDArray[np.float64]
Weights = NDArray[np.int64] | NDArray[np.float64]


class Curve(NamedTuple):
    """False- and true-positive rates over all thresholds, `[points]` each, from (0, 0) to (1, 1)."""

    false: Floats
    true: Floats


class Roc:
    """Values put in order once, to be measured under many weights. Equal values cannot be told apart by any threshold."""

    def __init__(self, values: Sequence[float] | Floats) -> None:
        rated = np.asarray(values, dtype=np.float64)
        self._order = np.argsort(-rated, kind="stable")
        self._last = np.append(np.flatnonzero(np.diff(rated[self._order])), len(rated) - 1)

    def measures(self, benign: Weights, malicious: Weights) -> Floats:
        """`[draws, 1 + rates]`: AUC, then the true-positive rate at each of `RATES`, for weights `[draws, things]`.

        A draw that lacks one of the labels measures nothing and is NaN.
        """
        false, true = self._counts(benign), self._counts(malicious)
        all_false, all_true = false[:, -1:], true[:, -1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            middle = true - np.diff(true, axis=1, prepend=0) / 2  # of things with equal values, half stand before the others
            auc = (np.diff(false, axis=1, prepend=0) * middle).sum(axis=1) / (all_false * all_true)[:, 0]
            rates = [_at(false, true, all_false * rate) / all_true[:, 0] for rate in RATES]
        found: Floats = np.stack([auc, *rates], axis=1)
        found[(all_false * all_true)[:, 0] == 0] = np.nan
        return found

    def curve(self, benign: Weights, malicious: Weights) -> Curve:
        """Of one weighting, `[things]` each. Raises `TrainingError` where one of the labels is missing."""
        false, true = self._counts(benign[None])[0], self._counts(malicious[None])[0]
        if not false[-1] or not true[-1]:
            raise TrainingError("a curve needs benign and malicious things; one of the two is missing")
        return Curve(np.append(0, false / false[-1]), np.append(0, true / true[-1]))

    def _counts(self, weights: Weights) -> Floats:
        """Weight at and above each distinct value, the highest first: `[draws, distinct values]`."""
        found: Floats = weights[:, self._order].cumsum(axis=1, dtype=np.float64)[:, self._last]
        return found


def _at(false: Floats, true: Floats, allowed: Floats) -> Floats:
    """True positives at the lowest threshold with no more false positives than allowed; 0 where the first value has too many.

    No line is drawn between two thresholds: nothing that can be set would reach a point on it.
    """
    steps = (false <= allowed + 1e-9).sum(axis=1)
    reached = np.take_along_axis(true, np.maximum(steps - 1, 0)[:, None], axis=1)[:, 0]
    found: Floats = np.where(steps > 0, reached, 0.0)
    return found


def f1(alarm: NDArray[np.bool_], benign: Weights, malicious: Weights) -> float:
    """Of alarms on things with these weights; 0 where nothing malicious is found."""
    found = float(malicious[alarm].sum())
    return 2 * found / float(found + benign[alarm].sum() + malicious.sum()) if found else 0.0


def draws(things: int, resamples: int, seed: int) -> NDArray[np.uint8]:
    """How often each distinct thing came in each bootstrap sample, `[resamples, things]`; over 255 never happens."""
    draw = np.random.default_rng(seed)
    drawn = np.empty((resamples, things), dtype=np.uint8)
    for row in drawn:
        row[:] = np.bincount(draw.integers(0, things, things), minlength=things)
    return drawn
