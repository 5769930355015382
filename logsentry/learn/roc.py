"""Area under the ROC curve and true-positive rate at a false-positive rate, with weights; equal scores are one step of the curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def curve(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False- and true-positive rate at each distinct score, the highest first, from (0, 0) to (1, 1).

    All three are [rows], labels 0 or 1. Without rows of both classes the rates of the missing one are NaN.
    """
    score, label, weight = np.asarray(scores), np.asarray(labels, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.nonzero(np.diff(score[order]))[0], len(order) - 1)
    hits = np.cumsum((label * weight)[order])[ends]
    alarms = np.cumsum(((1 - label) * weight)[order])[ends]
    with np.errstate(invalid="ignore"):
        return np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])


def auc(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike) -> float:
    """The chance that a positive row scores higher than a negative one, a tie counting half."""
    alarms, hits = curve(scores, labels, weights)
    return float(np.trapezoid(hits, alarms))


def tpr_at(fpr: float, scores: ArrayLike, labels: ArrayLike, weights: ArrayLike) -> float:
    """The highest true-positive rate at a threshold whose false-positive rate is at most `fpr`."""
    alarms, hits = curve(scores, labels, weights)
    if np.isnan(alarms[-1]) or np.isnan(hits[-1]):
        return float("nan")
    return float(hits[alarms <= fpr + 1e-12].max())
