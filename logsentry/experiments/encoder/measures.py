"""Answers judged: AUC, true-positive rates at low false-positive rates, F1, and how sure each is.

Rows that are equal stand or fall together, so the bootstrap draws distinct sequences, not rows, and the same draws for all methods: so
the interval of a difference is that of paired differences. Figures are means over folds and seeds; their spread is told beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from logsentry.experiments.encoder.reports_data import Counts, Reports
from logsentry.experiments.intervals import Interval
from logsentry.scoring.roc import RATES, Curve, Roc, draws

Floats = NDArray[np.float64]
RESAMPLES = 1000
MEASURES = ("AUC", *(f"TPR at FPR {rate:.0e}".replace("e-0", "e-") for rate in RATES), "F1")
"""F1 counts an alarm where malicious is likelier than not (logit above 0), as the published figures do."""
STATED = "TPR at FPR 1e-3"


class Rated(NamedTuple):
    """What one fitted model says of some of the distinct sequences: `values[i]` is the logit of sequence `places[i]`."""

    places: Counts
    values: Floats


class Judged(NamedTuple):
    """`each` is of every model `[models, measures]`, `drawn` the mean over models in each bootstrap sample `[draws, measures]`."""

    each: Floats
    drawn: Floats

    @property
    def mean(self) -> Floats:
        found: Floats = self.each.mean(axis=0)
        return found

    def spread(self, measure: str) -> float:
        """Standard deviation over folds and seeds; 0 for one model alone."""
        return float(self.each[:, MEASURES.index(measure)].std(ddof=1)) if len(self.each) > 1 else 0.0

    def of(self, measure: str) -> Interval:
        """The mean over models with its 95 % interval over distinct sequences."""
        return _interval(self.mean, self.drawn, measure)

    def minus(self, other: Judged, measure: str) -> Interval:
        """How much more than another method, in the same draws."""
        return _interval(self.mean - other.mean, self.drawn - other.drawn, measure)


def _interval(at: Floats, drawn: Floats, measure: str) -> Interval:
    number = MEASURES.index(measure)
    low, high = np.nanpercentile(drawn[:, number], [2.5, 97.5])
    return Interval(float(at[number]), float(low), float(high))


class Test:
    """Distinct sequences with how many rows of each label they have here, and the draws that all methods share."""

    __test__ = False

    def __init__(self, benign: Counts, malicious: Counts, seed: int = 0, resamples: int = RESAMPLES) -> None:
        self.benign, self.malicious = benign, malicious
        self._drawn = draws(len(benign), resamples, seed)

    def judge(self, models: Sequence[Rated]) -> Judged:
        every = [self._measured(model) for model in models]
        return Judged(np.stack([at for at, _ in every]), np.mean([drawn for _, drawn in every], axis=0))

    def _measured(self, model: Rated) -> tuple[Floats, Floats]:
        """`[measures]` as it is and `[draws, measures]` as it might have been."""
        benign, malicious = self.benign[model.places], self.malicious[model.places]
        some = benign + malicious > 0
        benign, malicious, values = benign[some], malicious[some], model.values[some]
        weights = np.vstack([np.ones(some.sum(), dtype=np.uint8), self._drawn[:, model.places[some]]])
        drawn_benign, drawn_malicious = weights * benign, weights * malicious
        curve = Roc(values).measures(drawn_benign, drawn_malicious)
        found = np.column_stack([curve, _f1(values > 0, drawn_benign, drawn_malicious)])
        return found[0], found[1:]

    def curve(self, model: Rated) -> Curve:
        return Roc(model.values).curve(self.benign[model.places], self.malicious[model.places])


def _f1(alarm: NDArray[np.bool_], benign: Counts, malicious: Counts) -> Floats:
    """Of each draw: weights `[draws, things]` to `[draws]`."""
    found = malicious[:, alarm].sum(axis=1)
    every = found + benign[:, alarm].sum(axis=1) + malicious.sum(axis=1)
    value: Floats = 2 * found / np.maximum(every, 1)
    return value


def test_sets(reports: Reports) -> dict[str, Test]:
    """The test rows, all of them and those whose input was never in training."""
    new = ~reports.known
    return {
        "test": Test(reports.benign, reports.malicious),
        "test, new inputs": Test(reports.benign * new, reports.malicious * new),
    }
