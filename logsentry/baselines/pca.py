"""The detector `pca`: the part of a count vector that lies outside the space in which ordinary ones vary.

Xu, Huang, Fox, Patterson and Jordan (SOSP 2009, section 5): the first principal components that hold 95 % of the variance span the
ordinary space; strangeness is the squared prediction error, the squared length of the residual. Their threshold is the
Q-statistic; here calibration sets it. It is fitted on normal windows alone, on distinct vectors by weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta

from logsentry.baselines.graph import parsed, write
from logsentry.baselines.observed import LONGEST, observed
from logsentry.errors import TrainingError
from logsentry.sdk import Part, Progress
from logsentry.text.counts import Distinct

GRAPH = """
    residual = Gemm (counts, outside, offset)
    strangeness = ReduceSumSquare <keepdims = 0> (residual, axis1)
"""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that never varied in training, or never was there, is outside the ordinary space whatever the share."""

    variance: Annotated[float, Meta(gt=0, lt=1, description="Share of the variance that the ordinary space holds.")] = 0.95


class Pca:
    """It satisfies `logsentry.sdk.Detector`."""

    Config: ClassVar[type[Settings]] = Settings
    max_length = LONGEST

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.trained: Distinct | None = None

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Answers `distinct_windows`, `components` and the share of the `variance` that they hold. The seed is without effect.

        Raises `TrainingError` where all windows have the same count vector, which leaves nothing that varies.
        """
        trained = observed(windows, keys)
        self.mean = np.average(trained.vectors.astype(np.float64), axis=0, weights=trained.weights)
        centred = trained.vectors - self.mean
        covariance = (centred * trained.weights[:, None]).T @ centred / trained.weights.sum()
        values, directions = np.linalg.eigh(covariance)
        if values[-1] <= 1e-12:
            raise TrainingError("all training windows have the same count vector, so nothing varies; give more varied logs")
        held = np.cumsum(values[::-1]) / values.sum()
        components = int(np.searchsorted(held, self.config.variance)) + 1
        self.outside = directions[:, : keys - components]  # eigh answers in ascending order
        self.trained = trained
        progress(1, 1, f"{components} components")
        figures = {"distinct_windows": len(trained.vectors), "components": components, "variance": held[components - 1]}
        return {name: float(value) for name, value in figures.items()}

    def strangeness(self, counts: np.ndarray) -> np.ndarray:
        """The squared prediction error of each count vector."""
        error: np.ndarray = np.square((counts - self.mean) @ self.outside).sum(axis=1)
        return error

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """One part `pca`."""
        if self.trained is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        constants = {"outside": self.outside, "offset": -self.mean @ self.outside, "axis1": np.array([1])}
        graph = parsed(GRAPH, len(self.mean), constants)
        return [write("pca", graph, self.strangeness, self.trained, folder, probe)]
