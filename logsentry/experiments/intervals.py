"""How sure a figure is: over seeds where there are several, over windows where there is one answer only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from logsentry.experiments.measures import Flags, Floats, Measured

_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
    2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2)."""

RESAMPLES = 1000


class Interval(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def over_seeds(values: Sequence[float]) -> Interval:
    """Student's t over at least two seeds. What seeds do not change, such as which sessions are in the test, is not in it."""
    count = len(values)
    mean = math.fsum(values) / count
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = (_T[count - 2] if count - 2 < len(_T) else 1.960) * spread / math.sqrt(count)
    return Interval(mean, mean - half, mean + half)


Four = tuple[Interval, Interval, Interval, Interval]
"""Of precision, recall, F1 and false alarms."""


class Bootstrap:
    """Test windows drawn again with replacement, the distinct ones, since the sessions that are equal to one stand or fall together.

    Its intervals are wide where a few distinct windows hold most sessions. The draws are made once for a benchmark.
    """

    def __init__(self, normal: NDArray[np.int64], abnormal: NDArray[np.int64], seed: int = 0, resamples: int = RESAMPLES) -> None:
        self._normal, self._abnormal = normal, abnormal
        draw, count = np.random.default_rng(seed), len(normal)
        self._drawn = np.empty((resamples, count), dtype=np.uint8)  # times each distinct window came: over 255 never happens
        for row in self._drawn:
            row[:] = np.bincount(draw.integers(0, count, count), minlength=count)

    def intervals(self, alarm: Flags, at: Measured) -> Four:
        """Percentiles 2.5 and 97.5 of each measure, beside the figures `at` of the whole test."""
        columns = np.stack([self._abnormal * alarm, self._normal * alarm, self._abnormal, self._normal], axis=1).astype(
            np.float64
        )
        chunks = [chunk.astype(np.float64) @ columns for chunk in np.array_split(self._drawn, 1 + self._drawn.size // 2_000_000)]
        low, high = np.percentile(_measures(np.concatenate(chunks)), [2.5, 97.5], axis=0)
        precision, recall, f1, false_alarms = (Interval(*three) for three in zip(at, low.tolist(), high.tolist(), strict=True))
        return precision, recall, f1, false_alarms


def _measures(counts: Floats) -> Floats:
    """True alarms, false alarms, abnormal and normal windows `[resamples, 4]` to the four measures `[resamples, 4]`."""
    true, false, abnormal, normal = counts.T
    precision, recall = true / np.maximum(true + false, 1), true / np.maximum(abnormal, 1)
    f1 = 2 * true / np.maximum(true + false + abnormal, 1)
    return np.stack([precision, recall, f1, 100_000 * false / np.maximum(normal, 1)], axis=1)
