"""Trials that are run once and kept: each is a JSON file named by what was asked, so that a run that was killed goes on where it was."""

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
from logsentry.experiments.ratings import Method, Ratings, Trial
from logsentry.sdk import Progress
from logsentry.store.bundles import write_whole

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
    """Runs trials, or finds them finished in a folder."""

    def __init__(self, folder: Path, trial: Trial, fresh: bool = False) -> None:
        self._folder, self._trial, self._fresh = folder, trial, fresh

    def run(self, asked: Sequence[Asked], progress: Progress) -> Iterator[tuple[Asked, Finished]]:
        """Each in turn, so that no more than one need be in memory. `fresh` forgets the finished ones among those asked first."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._fresh:
            for one in asked:
                self._path(one).unlink(missing_ok=True)
        for done, one in enumerate(asked):
            yield one, self._one(one, within(progress, done, len(asked), f"{one.method.name}, seed {one.seed}"))
        progress(len(asked), len(asked), "")

    def _one(self, asked: Asked, progress: Progress) -> Finished:
        path = self._path(asked)
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=Finished)
        progress(0, 0, "")
        began = time.perf_counter()
        ratings = self._trial(asked.method, asked.benchmark, asked.seed, progress)
        finished = Finished(asked.told, checked(ratings, asked), time.perf_counter() - began)
        write_whole(path, msgspec.json.encode(finished))
        return finished

    def _path(self, asked: Asked) -> Path:
        return self._folder / f"{asked.digest}.json"


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


def within(progress: Progress, finished: int, trials: int, title: str) -> Progress:
    """The bar counts trials; how far the present one is stands in the note."""

    def told(done: int, total: int, note: str) -> None:
        share = f" {100 * done // total} %" if total else ""
        progress(finished, trials, f"{title}{share} {note}".rstrip())

    return told
