"""Maps from logits to probabilities, and intervals of a share: the arithmetic behind `probability`."""

from __future__ import annotations

from collections.abc import Callable
from math import log, log1p
from typing import Literal

import msgspec
import numpy as np

SIDE = 0.025
"""Chance left out on either side of an interval."""

STEPS = 100
HALVINGS = 60
RESAMPLES = 1000
MOST = 1 - 1e-9
"""No map says 0 or 1: a validation set of any size cannot."""


class Map(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Straight lines between knots `(logits, probabilities)` where it is isotonic, else sigmoid(scale x logit + shift)."""

    kind: Literal["sigmoid", "platt", "isotonic"]
    scale: float = 1.0
    shift: float = 0.0
    logits: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        if self.kind == "isotonic":
            between: np.ndarray = np.interp(logits, self.logits, self.probabilities)
            return between
        probabilities: np.ndarray = np.clip(sigmoid(self.scale * np.asarray(logits, np.float64) + self.shift), 1 - MOST, MOST)
        return probabilities


def sigmoid(x: np.ndarray) -> np.ndarray:
    half: np.ndarray = 0.5 * (1 + np.tanh(0.5 * x))  # no overflow on either side
    return half


def fit_map(kind: Literal["sigmoid", "platt", "isotonic"], logits: np.ndarray, labels: np.ndarray) -> Map:
    if kind == "isotonic":
        return isotonic(logits, labels)
    return platt(logits, labels) if kind == "platt" else Map("sigmoid")


def platt(logits: np.ndarray, labels: np.ndarray) -> Map:
    """Newton's method on the log loss of smoothed targets (Lin, Lin and Weng 2007, section 2); a step that does not help is halved."""
    positive, negative = int(labels.sum()), int((1 - labels).sum())
    target = np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    x = np.stack([logits, np.ones_like(logits)], axis=1)
    at = np.array([0.0, log((positive + 1) / (negative + 1))])
    for _ in range(STEPS):
        p = sigmoid(x @ at)
        gradient = x.T @ (p - target)
        if np.abs(gradient).max() < 1e-6 * len(logits):
            break
        curvature = (x.T * (p * (1 - p))) @ x + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-8 and _loss(x @ (at - size * step), target) > _loss(x @ at, target):
            size /= 2
        at = at - size * step
    return Map("platt", float(max(at[0], 0.0)), float(at[1]))  # a falling map would turn verdicts round


def _loss(z: np.ndarray, target: np.ndarray) -> float:
    return float((np.logaddexp(0.0, z) - target * z).sum())


def isotonic(logits: np.ndarray, labels: np.ndarray) -> Map:
    """Pool adjacent violators (Ayer et al. 1955). A step of n rows with k malicious ones stands at (k + 1) / (n + 2)."""
    order = np.argsort(logits, kind="stable")
    distinct, first = np.unique(logits[order], return_index=True)
    counts = np.diff(np.append(first, len(order)))
    hits = np.add.reduceat(labels[order], first)
    pools: list[tuple[float, int, float, float]] = []  # malicious rows, rows, least and greatest logit
    for hit, count, logit in zip(hits.tolist(), counts.tolist(), distinct.tolist(), strict=True):
        pools.append((hit, count, logit, logit))
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            above, below = pools.pop(), pools.pop()
            pools.append((below[0] + above[0], below[1] + above[1], below[2], above[3]))
    steps = np.maximum.accumulate([(hit + 1) / (count + 2) for hit, count, _, _ in pools])
    knots = [(edge, p) for (_, _, low, high), p in zip(pools, steps.tolist(), strict=True) for edge in dict.fromkeys((low, high))]
    return Map("isotonic", logits=tuple(edge for edge, _ in knots), probabilities=tuple(p for _, p in knots))


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Summed over rows, nats."""
    right = np.where(labels == 1, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(right, 1 - MOST)).sum())


def interval(count: int, rows: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of a share of which `count` of `rows` were seen: what no binomial tail excludes."""
    low = 0.0 if not count else _where(lambda p: 1 - below(count - 1, rows, p) < SIDE)
    high = 1.0 if count == rows else _where(lambda p: below(count, rows, p) > SIDE)
    return low, high


def _where(holds: Callable[[float], bool]) -> float:
    """The share up to which it holds, which it does from 0 on; by halving."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def below(count: int, rows: int, p: float) -> float:
    """The chance of at most `count` of `rows`, each with chance p."""
    if p <= 0 or p >= 1:
        return float(p <= 0 or count >= rows)
    k = np.arange(1, count + 1)
    ratios = np.log((rows - k + 1) / k) + log(p) - log1p(-p)  # of each chance to the one before
    return float(np.exp(rows * log1p(-p) + np.append(0.0, np.cumsum(ratios))).sum())


def resampled(above: np.ndarray, groups: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of the share of rows that are `above`, from drawing groups with replacement."""
    _, number = np.unique(groups, return_inverse=True)
    hits, sizes = np.bincount(number, weights=above), np.bincount(number)
    draw = np.random.default_rng(seed)
    drawn = (draw.integers(0, len(sizes), len(sizes)) for _ in range(RESAMPLES))
    shares = [hits[at].sum() / sizes[at].sum() for at in drawn]
    low, high = np.quantile(shares, [SIDE, 1 - SIDE])
    return float(low), float(high)
