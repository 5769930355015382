"""How well answers tell the labels apart, with intervals over what stands or falls together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from labelled.answers import Answer
from labelled.asked import Asked
from logsentry.scoring.roc import Roc, draws

RESAMPLES = 1000


class Between(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, drawn: np.ndarray) -> Between:
        """The first is the figure itself, the others are of bootstrap samples; those that lack a label are NaN."""
        low, high = np.nanpercentile(drawn[1:], [2.5, 97.5])
        return cls(float(drawn[0]), float(low), float(high))


class Measured(msgspec.Struct, frozen=True):
    """AUC and shares of alerts `[draws]` each, means over seeds; the first draw is everything once."""

    auc: np.ndarray
    benign: np.ndarray
    malicious: np.ndarray


class Measures:
    """Draws groups with replacement, the same for every detector, so that differences can be drawn as well."""

    def __init__(self, asked: Asked) -> None:
        _, place = np.unique(asked.groups, return_inverse=True)
        drawn = draws(int(place.max()) + 1, RESAMPLES, seed=0)[:, place].astype(np.float64)
        weights = np.vstack([np.ones(len(place)), drawn])
        self._sides = weights * (asked.labels == 0), weights * (asked.labels == 1)

    def of(self, seeds: Sequence[Answer]) -> Measured:
        """The same detector, with one or several seeds."""
        auc = np.mean([Roc(one.values).measures(*self._sides)[:, 0] for one in seeds], axis=0)
        with np.errstate(invalid="ignore"):
            benign, malicious = (
                np.mean([(side * one.alerts).sum(1) for one in seeds], axis=0) / side.sum(1) for side in self._sides
            )
        return Measured(auc, benign, malicious)
