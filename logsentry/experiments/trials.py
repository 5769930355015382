"""Trials on benchmarks, run once and kept (`keeping.py`), and what is required of their ratings."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from logsentry import __version__
from logsentry.errors import ContractBroken
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.keeping import Kept
from logsentry.experiments.ratings import Method, Ratings, Trial
from logsentry.sdk import Progress

FORMAT = 1


class Asked(NamedTuple):
    method: Method
    benchmark: Benchmark
    seed: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self.told, order="sorted")).hexdigest()[:32]

    @property
    def told(self) -> dict[str, Any]:
        """All that an answer depends on; names and notes are for readers."""
        return {
            "format": FORMAT,
            "version": __version__,
            "detector": self.method.detector,
            "options": self.method.options,
            "seed": self.seed,
            "benchmark": self.benchmark.name,
            "data": self.benchmark.digest,
        }


class Finished(msgspec.Struct):
    """What was asked, what came of it, and how long that took by the clock."""

    asked: dict[str, Any]
    ratings: Ratings
    seconds: float


class Trials:
    """Runs trials, or finds them finished in a folder. `fresh` forgets the finished ones among those asked first."""

    def __init__(self, folder: Path, trial: Trial, fresh: bool = False) -> None:
        self._kept, self._trial = Kept(folder, fresh), trial

    def run(self, asked: Sequence[Asked], progress: Progress) -> Iterator[tuple[Asked, Finished]]:
        """Each in turn, so that no more than one need be in memory."""
        return self._kept.each(asked, Finished, self._finished, _title, progress)

    def _finished(self, asked: Asked, progress: Progress) -> Finished:
        began = time.perf_counter()
        ratings = self._trial(asked.method, asked.benchmark, asked.seed, progress)
        return Finished(asked.told, checked(ratings, asked), time.perf_counter() - began)


def _title(asked: Asked) -> str:
    return f"{asked.method.name}, seed {asked.seed}"


def checked(ratings: Ratings, asked: Asked) -> Ratings:
    """Raises `ContractBroken` for ratings that no table can be made of."""
    name, windows = asked.method.name, len(asked.benchmark.windows)
    if len(ratings.values) != windows:
        raise ContractBroken(
            f"the trial of {name} rated {len(ratings.values)} windows of {windows}; this is a defect of the trial"
        )
    if not ratings.held_back:
        raise ContractBroken(
            f"the trial of {name} held no normal window back, so no threshold can be set; this is a defect of the trial"
        )
    if not (np.isfinite(ratings.values).all() and np.isfinite(ratings.held_back).all()):
        raise ContractBroken(
            f"the trial of {name} rated windows with values that are no finite numbers; this is a defect of the trial"
        )
    return ratings
