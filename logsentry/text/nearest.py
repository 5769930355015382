"""The known count vector that is nearest to each of some others.

The distance of two vectors is the sum of their absolute differences over the larger of their two sums: 0 for equal ones, 1 and
more for such that share no event, at most 2. It follows the idea of the event count vectors of Landauer, Skopik and Wurzenberger (FSE
2024, arXiv 2309.02854). `|x - v|` is `x + v - 2 min(x, v)`, and the smaller of two counts is the product of their unary codes (3 is
1110...), so that all distances of a batch are one product of matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ROWS = 256
"""Vectors compared at a time."""

STEP = 256.0
"""Weights are multiples of 1/256: sums of up to 65,536 weighted events are then exact in 32 bits, and equal vectors at distance 0."""


class Neighbours(NamedTuple):
    """Of each vector the `distance` `[batch]` to its nearest known one and that one's place `[batch]`, the first among equals."""

    distance: np.ndarray
    place: np.ndarray


class Nearest:
    """Known vectors `[known, keys]` of whole counts; `weights` `[keys]` say how much an event of each key is worth, by default 1."""

    def __init__(self, known: np.ndarray, weights: np.ndarray | None = None) -> None:
        self._weights = (
            np.ones(known.shape[1], np.float32) if weights is None else (np.round(weights * STEP) / STEP).astype(np.float32)
        )
        highest = known.max(axis=0).astype(np.int64)
        self._key = np.repeat(np.arange(known.shape[1]), highest)
        self._level = np.concatenate([np.arange(most) for most in highest]).astype(np.float32)
        self._codes = self._level[:, None] < known[:, self._key].T  # [columns, known]
        self._sums = known.astype(np.float32) @ self._weights

    def __call__(self, vectors: np.ndarray) -> Neighbours:
        """Of vectors `[batch, keys]`."""
        parts = [self._some(vectors[at : at + ROWS]) for at in range(0, len(vectors), ROWS)]
        if not parts:
            return Neighbours(np.zeros(0), np.zeros(0, np.int64))
        return Neighbours(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _some(self, vectors: np.ndarray) -> Neighbours:
        codes = vectors[:, self._key] > self._level  # [batch, columns]
        used = codes.any(axis=0)
        shared = (codes[:, used] * self._weights[self._key[used]]) @ self._codes[used].astype(np.float32)
        sums = (vectors.astype(np.float32) @ self._weights)[:, None]
        larger = np.maximum(np.maximum(sums, self._sums), 1 / STEP)
        distances = (sums + self._sums - 2 * shared) / larger  # [batch, known]
        place = distances.argmin(axis=1)
        return Neighbours(np.take_along_axis(distances, place[:, None], axis=1)[:, 0].astype(np.float64), place)
