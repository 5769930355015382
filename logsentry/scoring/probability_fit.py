"""Fits what `probability` keeps: a map from logits to probabilities, the abstain band, and thresholds with their intervals.

A map is taken only where it helps: the plain sigmoid, Platt's two numbers (Platt 1999; Lin, Lin and Weng 2007 for the smoothed
targets) or isotonic steps (Zadrozny and Elkan, KDD 2002), whichever has the least log loss on rows that it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from logsentry.errors import TrainingError
from logsentry.scoring.probability import DIGITS, SURE, VERSION, Probability, Threshold
from logsentry.scoring.probability_maps import fit_map, interval, log_loss, resampled

RATES = (1e-2, 1e-3, 1e-4)
"""False-positive rates that thresholds are kept for."""

KINDS: tuple[Literal["sigmoid", "platt", "isotonic"], ...] = ("sigmoid", "platt", "isotonic")
FOLDS = 5


def fit(logits: np.ndarray, labels: np.ndarray, groups: Sequence[object] | None = None, *, seed: int = 0) -> Probability:
    """From logits and labels (0, 1) `[rows]` of validation rows; rows of one group are copies of each other, and stay together.

    Raises `TrainingError` where one of the labels is missing.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    if set(labels.tolist()) != {0, 1}:
        raise TrainingError("probabilities need validation rows of both labels, benign (0) and malicious (1); one is missing")
    group = (
        np.arange(len(logits)) if groups is None else np.unique(np.array([str(each) for each in groups]), return_inverse=True)[1]
    )
    chosen = fit_map(best_kind(logits, labels, group, seed), logits, labels)
    benign = labels == 0
    thresholds = [threshold(logits[benign], rate, None if groups is None else group[benign], seed=seed) for rate in RATES]
    return Probability(VERSION, chosen, abstain_band(chosen(logits), labels), tuple(thresholds))


def best_kind(logits: np.ndarray, labels: np.ndarray, group: np.ndarray, seed: int) -> Literal["sigmoid", "platt", "isotonic"]:
    """The map with the least log loss on rows of other groups than it was fitted on; the simpler one where two are equal."""
    draw = np.random.default_rng((seed, FOLDS))  # not the stream that a caller's own seed gives: labels may come from that
    fold = draw.integers(0, FOLDS, group.max() + 1)[group]
    losses = [0.0] * len(KINDS)
    for held in range(FOLDS):
        rest, out = fold != held, fold == held
        if len(set(labels[rest].tolist())) < 2 or not out.any():
            continue
        for place, kind in enumerate(KINDS):
            losses[place] += log_loss(fit_map(kind, logits[rest], labels[rest])(logits[out]), labels[out])
    return KINDS[int(np.argmin(np.round(losses, DIGITS)))]


def abstain_band(probabilities: np.ndarray, labels: np.ndarray, sure: float = SURE) -> tuple[float, float]:
    """The narrowest band outside of which both verdicts are right for a share of at least `sure` of the rows they are given to.

    A side on which no verdict is that sure gives none: the band then reaches to 0 or above 1.
    """
    order = np.argsort(probabilities, kind="stable")
    p, y = probabilities[order], labels[order]
    last = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)  # equal probabilities get one verdict
    benign = np.cumsum(1 - y)[last] / (last + 1)
    first = np.append(0, last[:-1] + 1)
    malicious = np.cumsum(y[::-1])[::-1][first] / (len(p) - first)
    low = p[last[benign >= sure]].max(initial=-1.0)
    high = p[first[malicious >= sure]].min(initial=2.0)
    middle = (low + high) / 2
    return (float(low), float(high)) if low < high else (float(np.nextafter(middle, -1)), float(middle))


def threshold(benign: np.ndarray, rate: float, groups: np.ndarray | None = None, *, seed: int = 0) -> Threshold:
    """At most `rate` of the benign logits reach it. Its interval is Clopper and Pearson's (1934), or where rows have copies a bootstrap
    over `groups` `[rows]`."""
    ordered = np.sort(np.asarray(benign, np.float64))
    if not len(ordered):
        raise TrainingError("a threshold needs benign validation rows, and there are none")
    allowed = int(np.floor(rate * len(ordered) + 1e-9))
    logit = float(np.nextafter(ordered[-1 - allowed], np.inf)) if allowed < len(ordered) else float(ordered[0])
    above = np.asarray(benign) >= logit
    count = int(above.sum())
    exact = interval(count, len(ordered))
    low, high = exact if groups is None else resampled(above, groups, seed)
    if groups is not None and not count:  # resampling what has none of them says nothing of how many there are
        low, high = interval(0, len(np.unique(groups)))
    return Threshold(rate, logit, count / len(ordered), low, high, allowed > 0)
