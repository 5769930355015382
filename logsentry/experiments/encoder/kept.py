"""Fits of the study, run once and kept (`keeping.py`), and what is required of their answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from logsentry.errors import ContractBroken
from logsentry.experiments.encoder.asking import Answer, Asked, Fit
from logsentry.experiments.keeping import Kept
from logsentry.sdk import Progress


class Finished(msgspec.Struct):
    """What was asked and what came of it."""

    asked: dict[str, Any]
    answer: Answer


class KeptFits:
    """Runs fits, or finds them finished in a folder. `fresh` forgets the finished ones among those asked."""

    def __init__(self, folder: Path, fit: Fit, fresh: bool = False) -> None:
        self._kept, self._fit = Kept(folder, fresh), fit

    def run(self, asked: Sequence[Asked], progress: Progress) -> Iterator[tuple[Asked, Answer]]:
        for one, finished in self._kept.each(asked, Finished, self._finished, _title, progress):
            yield one, finished.answer

    def _finished(self, asked: Asked, progress: Progress) -> Finished:
        began = time.perf_counter()
        answer = checked(self._fit(asked, progress), asked)
        answer.seconds = time.perf_counter() - began
        return Finished(asked.told, answer)


def _title(asked: Asked) -> str:
    return f"{asked.method.name}, fold {asked.fold + 1}, seed {asked.seed}"


def checked(answer: Answer, asked: Asked) -> Answer:
    """Raises `ContractBroken` for an answer that no table can be made of."""
    name = asked.method.name
    if (len(answer.validation), len(answer.test)) != (len(answer.places), len(asked.corpus.test.ids)):
        raise ContractBroken(f"the fit of {name} did not rate every sequence it was asked about; this is a defect of the fit")
    if not (np.isfinite(answer.validation).all() and np.isfinite(answer.test).all()):
        raise ContractBroken(
            f"the fit of {name} rated sequences with values that are no finite numbers; this is a defect of the fit"
        )
    return answer
