"""One factor of the study: every level on every fold and seed with equal training time, beside the baseline, and the page that says so.

`logsentry experiment NAME --quick` is one seed and seconds a fit; without it every fit has the paper's five
minutes. Fits are kept, so a run that was cut off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from logsentry.errors import UsageError
from logsentry.experiments.encoder import fitting
from logsentry.experiments.encoder.asking import BASELINE, Answer, Asked, Fit, Method, View
from logsentry.experiments.encoder.claims import Claim
from logsentry.experiments.encoder.folds import FOLDS
from logsentry.experiments.encoder.kept import KeptFits
from logsentry.experiments.encoder.measures import Judged, Rated, Test, test_sets
from logsentry.experiments.encoder.reports_data import Corpus, Counts
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

SECONDS = 300.0
"""Training time of a fit: that of the published tables, on another machine."""
QUICK_OPTIONS: dict[str, object] = {"batch": 16, "average": "ema", "clock": "cpu"}
"""What a quick run trains with where a level does not say otherwise: in so short a time batches of 64 are too few steps. Seconds are of the
processor, so that a busy machine gives every level the same work."""
VALIDATION = "validation"


class Factor(msgspec.Struct, frozen=True):
    """What is varied: `levels` are methods that differ in one thing. `claims` are published conclusions to hold the rows against.

    `each_baseline` fits the baseline on the view of every level; a quick run has `quick_folds` folds and `quick_seconds` a fit.
    """

    name: str
    question: str
    levels: tuple[Method, ...]
    claims: tuple[Claim, ...] = ()
    caution: str = ""
    each_baseline: bool = False
    quick_folds: int = 1
    quick_seconds: float = 20.0


class Row(NamedTuple):
    """A method judged on each set of rows: `validation`, `test`, and `test, new inputs`."""

    method: Method
    judged: dict[str, Judged]
    answers: Sequence[tuple[Asked, Answer]]

    @property
    def seconds(self) -> float:
        """Mean wall time of a fit, rating included."""
        return sum(answer.seconds for _, answer in self.answers) / len(self.answers)

    def rated(self, which: str) -> list[Rated]:
        return [rated(answer, which) for _, answer in self.answers]


class Sets(NamedTuple):
    """What rows are judged on."""

    every: dict[str, Test]

    @classmethod
    def of(cls, corpus: Corpus) -> Sets:
        return cls({**test_sets(corpus.test), VALIDATION: Test(corpus.train.benign, corpus.train.malicious)})

    def row(self, method: Method, answers: Sequence[tuple[Asked, Answer]]) -> Row:
        return Row(
            method,
            {name: test.judge([rated(answer, name) for _, answer in answers]) for name, test in self.every.items()},
            answers,
        )


def rated(answer: Answer, which: str) -> Rated:
    if which == VALIDATION:
        return Rated(np.array(answer.places), np.array(answer.validation))
    places: Counts = np.arange(len(answer.test))
    return Rated(places, np.array(answer.test))


def methods_of(factor: Factor, plan: Plan) -> list[Method]:
    """The baseline and the levels, or those of the detectors that were asked for. Raises `UsageError` for a detector that none has."""
    views = list(dict.fromkeys(level.view for level in factor.levels)) if factor.each_baseline else [View()]
    levels = [quickened(level) for level in factor.levels] if plan.quick else list(factor.levels)
    every = [*(baseline(view, factor) for view in views), *levels]
    known = list(dict.fromkeys(method.detector for method in every))
    if unknown := [name for name in plan.detectors if name not in known]:
        raise UsageError(f"this experiment has no detector {unknown[0]!r}; it has {', '.join(known)}")
    return [method for method in every if not plan.detectors or method.detector in plan.detectors]


def quickened(level: Method) -> Method:
    return msgspec.structs.replace(level, options={**QUICK_OPTIONS, **level.options})


def baseline(view: View, factor: Factor) -> Method:
    if not factor.each_baseline:
        return BASELINE
    level = next(level for level in factor.levels if level.view == view)
    return msgspec.structs.replace(BASELINE, name=f"{BASELINE.name}: {level.name}", view=view)


class Budget(NamedTuple):
    """Equal for every fit of an experiment."""

    seconds: float
    folds: int
    seeds: tuple[int, ...]
    quick: bool = False

    @classmethod
    def of(cls, factor: Factor, plan: Plan) -> Budget:
        """Three folds and one seed, unless more are asked for; a quick run has what the factor says."""
        seeds = tuple(range(1, 1 + (plan.seeds or 1)))
        if not plan.quick:
            return cls(SECONDS, FOLDS, seeds)
        return cls(factor.quick_seconds, factor.quick_folds, seeds, quick=True)

    def asked(self, method: Method, corpus: Corpus) -> list[Asked]:
        """The baseline draws nothing by chance, so it is fitted once a fold."""
        seeds = self.seeds[:1] if method.detector == BASELINE.detector else self.seeds
        return [Asked(method, corpus, fold, FOLDS, seed, self.seconds) for fold in range(self.folds) for seed in seeds]


def run_rows(factor: Factor, plan: Plan, corpus: Corpus, progress: Progress, fit: Fit = fitting.fit) -> tuple[list[Row], Budget]:
    """Every method fitted, or found in `OUT/encoder/fits`, which all experiments share, and judged."""
    budget, sets = Budget.of(factor, plan), Sets.of(corpus)
    asked = [one for method in methods_of(factor, plan) for one in budget.asked(method, corpus)]
    answers: dict[str, list[tuple[Asked, Answer]]] = {}
    for one, answer in KeptFits(plan.out / "encoder" / "fits", fit, plan.fresh).run(asked, progress):
        answers.setdefault(one.method.name, []).append((one, answer))
    return [sets.row(some[0][0].method, some) for some in answers.values()], budget
