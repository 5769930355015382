"""The detector `ocsvm`: a one-class support vector machine over count vectors (Schölkopf et al., Neural Computation 13(7), 2001).

scikit-learn's `OneClassSVM` with the radial kernel, fitted on distinct vectors by weight. Strangeness is 1 less the share that a
window's sum of kernels has in the largest of any training window: 0 where ordinary windows are densest, 1 far from every support
vector. The machine's own boundary, which `nu` sets, is not used: calibration draws one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta
from sklearn.svm import OneClassSVM

from logsentry.baselines.graph import parsed, write
from logsentry.baselines.observed import LONGEST, observed
from logsentry.errors import TrainingError
from logsentry.sdk import Part, Progress
from logsentry.text.counts import Distinct

GRAPH = """
    squared = ReduceSumSquare <keepdims = 1> (counts, axis1)
    apart = Gemm (counts, minus_two_vectors, vectors_squared)
    distance = Add (apart, squared)
    at_least_0 = Relu (distance)
    scaled = Mul (at_least_0, minus_gamma)
    kernel = Exp (scaled)
    held = MatMul (kernel, shares)
    inside = Squeeze (held, axis1)
    outside = Sub (one, inside)
    strangeness = Relu (outside)
"""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`gamma` 0 is scikit-learn's "scale": 1 over the number of keys times the variance of all counts."""

    nu: Annotated[float, Meta(gt=0, le=1, description="Largest share of training windows that may fall outside.")] = 0.01
    gamma: Annotated[float, Meta(ge=0, description="How fast the kernel falls with squared distance; 0 scales it.")] = 0.0


class OcSvm:
    """It satisfies `logsentry.sdk.Detector`."""

    Config: ClassVar[type[Settings]] = Settings
    max_length = LONGEST

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.trained: Distinct | None = None

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Answers `distinct_windows`, `support_vectors` and `gamma`. The seed is without effect."""
        trained = observed(windows, keys)
        self.gamma = self.config.gamma or self._scale(trained)
        model = OneClassSVM(nu=self.config.nu, gamma=self.gamma, tol=1e-6)
        model.fit(trained.vectors.astype(np.float64), sample_weight=trained.weights)
        self.vectors, self.shares = model.support_vectors_, model.dual_coef_[0]
        self.shares = self.shares / self._inside(trained.vectors).max()
        self.trained = trained
        progress(1, 1, f"{len(self.vectors)} support vectors")
        figures = {"distinct_windows": len(trained.vectors), "support_vectors": len(self.vectors), "gamma": self.gamma}
        return {name: float(value) for name, value in figures.items()}

    @staticmethod
    def _scale(trained: Distinct) -> float:
        """Over all windows, not over distinct ones, as if each stood there as often as it came."""
        mean, squared = (
            np.average(trained.vectors.astype(np.float64) ** power, axis=0, weights=trained.weights).mean() for power in (1, 2)
        )
        variance = float(squared - mean**2)
        return 1.0 / (trained.vectors.shape[1] * variance) if variance > 1e-12 else 1.0

    def strangeness(self, counts: np.ndarray) -> np.ndarray:
        return np.maximum(1.0 - self._inside(counts), 0.0)

    def _inside(self, counts: np.ndarray) -> np.ndarray:
        """The sum of kernels `[batch]`; the squares of `[batch, vectors]` are taken apart, `x² - 2xv + v²`, as in the graph."""
        apart = np.square(counts).sum(axis=1)[:, None] - 2.0 * counts @ self.vectors.T + np.square(self.vectors).sum(axis=1)
        inside: np.ndarray = np.exp(-self.gamma * np.maximum(apart, 0.0)) @ self.shares
        return inside

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """One part `ocsvm`."""
        if self.trained is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        constants = {
            "minus_two_vectors": -2.0 * self.vectors.T,
            "vectors_squared": np.square(self.vectors).sum(axis=1),
            "minus_gamma": np.array(-self.gamma),
            "shares": self.shares[:, None],
            "one": np.array(1.0),
            "axis1": np.array([1]),
        }
        graph = parsed(GRAPH, self.vectors.shape[1], constants)
        return [write("ocsvm", graph, self.strangeness, self.trained, folder, probe)]
