"""Folds: every normal window is held back once, from the members that did not see it, and all of them set one threshold.

Cross-conformal prediction (V. Vovk 2015, "Cross-conformal predictors"): normal windows are cut in K folds, the members of fold k
are trained on the others and judge fold k, and a new window's p-value is `(1 + sum over k of the windows of fold k at least as strange, by
the members of fold k, as the new one is by the same members) / (n + 1)`. So n are all normal windows, and not the fifth that one split
holds back. The price is a weaker promise: P(p <= a) <= 2a and a little more is proven (Barber, Candès, Ramdas, Tibshirani 2021,
for CV+; Vovk and Wang 2020 for means of p-values); near a is what is seen (docs/measured.md). With one fold this is `conformal`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from logsentry.scoring.conformal import at_least


class Folds:
    """Values of held-back windows, one sorted array a fold, each by the members that did not see them."""

    def __init__(self, held_back: Sequence[Sequence[float] | np.ndarray]) -> None:
        self.held_back = [np.asarray(values, dtype=np.float64) for values in held_back]
        self.windows = sum(len(values) for values in self.held_back)

    def values(self, judged: Sequence[np.ndarray]) -> np.ndarray:
        """What the members of each fold say of the same windows, `[folds][windows]`, as one value in decades: -log10 of the p-value.

        Beyond all held-back windows, where counting ends, what the least impressed fold still adds is added.
        """
        stranger = sum(at_least(values, known) for values, known in zip(judged, self.held_back, strict=True))
        beyond = np.min([values - known[-1] for values, known in zip(judged, self.held_back, strict=True)], axis=0)
        decades: np.ndarray = np.log10((self.windows + 1) / (1.0 + stranger)) + np.maximum(0.0, beyond)
        return decades

    def ruler(self) -> np.ndarray:
        """The value of each p-value that n windows allow but the least, rising: against these `conformal` gives the p-values back."""
        rank = np.arange(self.windows, 0, -1)
        return np.log10((self.windows + 1) / (1.0 + rank))
