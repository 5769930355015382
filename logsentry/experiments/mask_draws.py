"""A judge of one LogBERT whose members are random masks: what voting adds when there is only one model."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from logsentry.learn.logbert.mask_draws import drawn
from logsentry.learn.logbert.model import LogBert
from logsentry.scoring.evidence import UNSEEN, Rated
from logsentry.scoring.judge import Finding, Held, Judge, Kind
from logsentry.text.vocabulary import UNK

SHARE = 0.65  # of the keys that are hidden, as the paper does on HDFS
KINDS = (Kind("surprise", 0.5), Kind("mean surprise", 0.05))


class Drawn(msgspec.Struct, frozen=True):
    """Evidence `[draws, batch, kinds]`; it is made for tables, so nothing is explained."""

    evidence: np.ndarray

    def of(self, rows: np.ndarray) -> Drawn:
        return Drawn(self.evidence[:, rows])

    def joined(self, more: Held) -> Drawn:
        return Drawn(np.concatenate([self.evidence, more.evidence]))

    def findings(self, rated: Rated) -> list[tuple[Finding, ...]]:
        return [()] * self.evidence.shape[1]


class MaskDraws:
    """Asks torch's own model, not a graph: random masks are in no graph that ships."""

    kinds = KINDS
    degraded = False

    def __init__(self, model: LogBert, draws: int, seed: int) -> None:
        self._model, self._draws, self._seed = model, draws, seed
        self.groups = (draws,)

    def cost(self, length: int) -> int:
        return length * self._draws

    def tune(self, normal: Sequence[np.ndarray]) -> dict[str, int]:
        return {}

    def ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Drawn:
        surprise, asked = drawn(self._model, ids, self._draws, SHARE, self._seed)
        surprise = np.where(ids == UNK, np.maximum(surprise, UNSEEN), surprise).astype(np.float64) * asked
        total = surprise.sum(axis=2)
        return Drawn(np.stack([total, total / np.maximum(asked.sum(axis=2), 1)], axis=2))


_: type[Judge] = MaskDraws
