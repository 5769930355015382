"""Fits that are run once and kept: each is a JSON file named by what was asked, so that a run that was killed goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from logsentry.errors import ContractBroken
from logsentry.experiments.encoder.asking import Answer, Asked, Fit
from logsentry.experiments.trials import within
from logsentry.sdk import Progress
from logsentry.store.bundles import write_whole


class Finished(msgspec.Struct):
    """What was asked and what came of it."""

    asked: dict[str, Any]
    answer: Answer


class KeptFits:
    """Runs fits, or finds them finished in a folder. `fresh` forgets the finished ones among those asked."""

    def __init__(self, folder: Path, fit: Fit, fresh: bool = False) -> None:
        self._folder, self._fit, self._fresh = folder, fit, fresh

    def run(self, asked: Sequence[Asked], progress: Progress) -> Iterator[tuple[Asked, Answer]]:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._fresh:
            for one in asked:
                self._path(one).unlink(missing_ok=True)
        for done, one in enumerate(asked):
            title = f"{one.method.name}, fold {one.fold + 1}, seed {one.seed}"
            yield one, self._one(one, within(progress, done, len(asked), title))
        progress(len(asked), len(asked), "")

    def _one(self, asked: Asked, progress: Progress) -> Answer:
        path = self._path(asked)
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=Finished).answer
        progress(0, 0, "")
        began = time.perf_counter()
        answer = checked(self._fit(asked, progress), asked)
        answer.seconds = time.perf_counter() - began
        write_whole(path, msgspec.json.encode(Finished(asked.told, answer)))
        return answer

    def _path(self, asked: Asked) -> Path:
        return self._folder / f"{asked.digest}.json"


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
