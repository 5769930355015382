"""What a classifier's exported graph says of rows of token ids, asked by the judge that serves it, without calibration or table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from logsentry.scoring.hardware import Hardware
from logsentry.scoring.opening import open_part
from logsentry.scoring.panel import batches
from logsentry.sdk import Part, Progress

BATCH_TOKENS = 8192
LEAST = 1e-300
"""Where softplus has become 0 the logit is no longer known; it is below any that a person could tell apart."""


@runtime_checkable
class LearnsLabels(Protocol):
    """A detector that is fitted on labelled rows of token ids, where others are fitted on ordinary windows alone."""

    @property
    def max_length(self) -> int: ...

    def fit_labelled(
        self, rows: Sequence[Sequence[int]], labels: Sequence[int], vocabulary: int, *, seed: int, progress: Progress
    ) -> dict[str, float]:
        """Labels from 0 (benign) on, one a row; raises `TrainingError` where the rows are too few or have one label only."""
        ...

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]: ...


@runtime_checkable
class AnswersItself(Protocol):
    """A trained detector that still holds its own model, which exported graphs may be compared with."""

    def malice(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Logits of malice `[rows]`, in order."""
        ...


@runtime_checkable
class HearsWords(Protocol):
    """A detector that wants to know what its ids stand for before it is fitted."""

    def hear(self, words: Sequence[str]) -> None:
        """The word of each id, from 0 on."""
        ...


def logits_of(
    folder: Path, parts: Sequence[Part], rows: Sequence[tuple[int, ...]], vocabulary: int, precision: str = "fp32"
) -> NDArray[np.float64]:
    """Logits `[rows]` of the first part, whose graph lies in `folder`; each distinct row is asked once."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    judge = open_part(parts[0], files, vocabulary, {}, Hardware(precision=precision), "the new model").judge
    found: dict[tuple[int, ...], float] = {}
    for ids in batches(list(dict.fromkeys(rows)), judge.cost, BATCH_TOKENS):
        evidence = judge.ask(ids).evidence[0, :, 0]
        found.update(zip(map(tuple, ids.tolist()), from_softplus(evidence).tolist(), strict=True))
    return np.array([found[row] for row in rows])


def from_softplus(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logit x of evidence log(1 + e^x): judges keep evidence above 0, and a logit of 0 is where both labels are as likely."""
    value = np.maximum(np.asarray(evidence, dtype=np.float64), LEAST)
    found: NDArray[np.float64] = value + np.log(-np.expm1(-value))
    return found
