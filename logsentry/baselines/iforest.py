"""The detector `iforest`: windows that few random splits suffice to set apart (Liu, Ting, Zhou, ICDM 2008).

scikit-learn grows the trees; strangeness is its score, `2 ** (-mean path length / expected path length)`. Two things are ours. The trees
are grown from one row a window, drawn where there are many: scikit-learn counts distinct rows, not their weights, in the length
of a path. And since no tree can split on a key that never was there, an event of such a key counts as a split at the root: the
window then gets 1 and the share of such events, above all that the trees can say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta
from sklearn.ensemble import IsolationForest

from logsentry.baselines.graph import parsed, write
from logsentry.baselines.observed import LONGEST, drawn, observed
from logsentry.baselines.trees import Trees
from logsentry.errors import TrainingError
from logsentry.sdk import Part, Progress
from logsentry.text.counts import Distinct

ROWS = 20_000
"""Windows that the trees draw from, at most."""

ROOT = """
    never = MatMul (counts, unseen)
    events = ReduceSum <keepdims = 1> (counts, axis1)
    at_least_one = Max (events, one)
    share = Div (never, at_least_one)
    root = Add (share, one)
    any_never = Greater (never, zero)
    chosen = Where (any_never, root, score)
    strangeness = Squeeze (chosen, axis1)
"""
"""After the walk: what a key never seen makes of its score."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`unseen` off is scikit-learn's forest to the letter: keys never seen in training then count for nothing."""

    trees: Annotated[int, Meta(ge=1, le=1000, description="Trees in the forest.")] = 100
    sample: Annotated[int, Meta(ge=2, le=4096, description="Windows that each tree is grown from.")] = 256
    unseen: Annotated[bool, Meta(description="A key never seen sets a window apart at the root.")] = True


class IForest:
    """It satisfies `logsentry.sdk.Detector`."""

    Config: ClassVar[type[Settings]] = Settings
    max_length = LONGEST

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.trained: Distinct | None = None

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Answers `distinct_windows`, `trees` and their `nodes`; the same windows and seed give the same trees.

        Raises `TrainingError` where all windows have the same count vector, so that there is nothing to split.
        """
        trained = observed(windows, keys)
        if len(trained.vectors) < 2:
            raise TrainingError(
                "all training windows have the same count vector, so no tree can split them; give more varied logs"
            )
        rows = drawn(trained, ROWS, seed)
        self.forest = IsolationForest(
            n_estimators=self.config.trees, max_samples=min(self.config.sample, len(rows)), random_state=seed
        )
        self.forest.fit(rows)
        self.trees = Trees.of(self.forest)
        self.unseen = (trained.vectors == 0).all(axis=0) if self.config.unseen else np.zeros(keys, np.bool_)
        self.trained = trained
        progress(1, 1, f"{self.config.trees} trees")
        return {
            "distinct_windows": float(len(trained.vectors)),
            "trees": float(self.config.trees),
            "nodes": float(len(self.trees.key)),
        }

    def strangeness(self, counts: np.ndarray) -> np.ndarray:
        never = counts[:, self.unseen].sum(axis=1)
        share = never / np.maximum(counts.sum(axis=1), 1)
        score: np.ndarray = np.where(never > 0, 1 + share, -self.forest.score_samples(counts))
        return score

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """One part `iforest`."""
        if self.trained is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        own = {"unseen": self.unseen.astype(np.float32)[:, None], "zero": np.array(0.0), "one": np.array(1.0)}
        graph = parsed(self.trees.walk() + ROOT, len(self.unseen), self.trees.constants() | own)
        return [write("iforest", graph, self.strangeness, self.trained, folder, probe)]
