"""One fit of the study: on the rows of all folds but one, and then every distinct sequence of that fold and of the test set is rated.

The encoder is fitted and rated as `logsentry train` and `logsentry score` do it: through the registered detector, its exported graph and
the judge that serves it. The baseline has no graph.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from logsentry.baselines.tfidf import TfidfLogistic
from logsentry.errors import UsageError
from logsentry.experiments.encoder.asking import BASELINE, Answer, Asked
from logsentry.experiments.encoder.folds import folds_of
from logsentry.experiments.encoder.reports_data import Ids, Reports
from logsentry.experiments.encoder.views import Seen, seen
from logsentry.pipeline.build import make_detector
from logsentry.pipeline.rating import HearsWords, LearnsLabels, logits_of
from logsentry.sdk import Progress

EVENNESS = 0.5
"""How even the baseline's rows weigh: a row that came n times weighs as the root of n. Rows as they came and distinct rows were tried as
well, with figures that differ by less than the intervals are wide."""
PROBE = 64
POINTS = 100
_LOSS = re.compile(r"\bloss (\d+(?:\.\d+)?(?:e-?\d+)?)")


class Losses:
    """Hears the losses that a training reports in its notes (`loss 0.123`), and passes everything on."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self.heard = progress, list[float]()

    def __call__(self, done: int, total: int, note: str) -> None:
        if found := _LOSS.search(note):
            self.heard.append(float(found[1]))
        self._progress(done, total, note)

    def even(self) -> list[float]:
        """`POINTS` of them at most, evenly spaced over the training."""
        count = min(POINTS, len(self.heard))
        return [self.heard[place] for place in np.linspace(0, len(self.heard) - 1, count).round().astype(int).tolist()]


def fit(asked: Asked, progress: Progress) -> Answer:
    """The same question gives the same answer on one machine, unless the time budget ends the training."""
    fold_of = folds_of(asked.corpus.train, asked.folds)
    out = np.flatnonzero(fold_of == asked.fold)
    view = seen(asked.corpus, asked.method.view, np.flatnonzero(fold_of != asked.fold))
    asked_about = [view.train[place] for place in out.tolist()] + view.test
    rate = _baseline if asked.method.detector == BASELINE.detector else _detector
    logits, losses, figures = rate(asked, view, fold_of != asked.fold, asked_about, progress)
    machine = f"{platform.machine()}, {_cores()} cores"
    return Answer(out.tolist(), logits[: len(out)].tolist(), logits[len(out) :].tolist(), losses, figures, machine)


Found = tuple[NDArray[np.float64], list[float], dict[str, float]]


def _baseline(asked: Asked, view: Seen, fitted: NDArray[np.bool_], rows: list[Ids], progress: Progress) -> Found:
    train = asked.corpus.train
    learned, labels, weights = weighted(train, view.train, fitted)
    began = time.perf_counter()
    model = TfidfLogistic(**asked.method.options)
    grams = model.fit(learned, labels, weights)
    between = time.perf_counter()
    logits = model.logits(rows)
    return logits, [], {"grams": grams, "seconds_fit": between - began, "seconds_score": time.perf_counter() - between}


def weighted(reports: Reports, rows: Sequence[Ids], fitted: NDArray[np.bool_]) -> tuple[list[Ids], list[int], list[float]]:
    """Each distinct sequence once for each label it came with, with the root of how often it did as its weight."""
    learned, labels, weights = list[Ids](), list[int](), list[float]()
    for label, counts in ((0, reports.benign), (1, reports.malicious)):
        for place in np.flatnonzero(fitted & (counts > 0)).tolist():
            learned.append(rows[place])
            labels.append(label)
            weights.append(float(counts[place]) ** (1 - EVENNESS))
    return learned, labels, weights


def _detector(asked: Asked, view: Seen, fitted: NDArray[np.bool_], rows: list[Ids], progress: Progress) -> Found:
    """Rows go to the detector as often as they came; how to weigh them is its own setting."""
    train = asked.corpus.train
    length = {"max_length": asked.method.view.length}
    one = {"fp16": False, "int8": False}  # only the graph in single precision is asked
    options = {**length, **one, **asked.method.options, "seconds": asked.seconds, "epochs": 0}
    detector: object = make_detector(asked.method.detector, options)
    if not isinstance(detector, LearnsLabels):
        raise UsageError(f"the detector {asked.method.detector!r} cannot be fitted on labels")
    if isinstance(detector, HearsWords):
        detector.hear(view.words)
    kept = fitted[train.place]
    began, losses = time.perf_counter(), Losses(progress)
    learned = [view.train[place] for place in train.place[kept].tolist()]
    figures = detector.fit_labelled(learned, train.y[kept].tolist(), view.vocabulary, seed=asked.seed, progress=losses)
    between = time.perf_counter()
    logits = exported_logits(detector, learned[:: max(1, len(learned) // PROBE)], rows, view.vocabulary)
    times = {"seconds_fit": between - began, "seconds_score": time.perf_counter() - between}
    return logits, losses.even(), {**{name: value for name, value in figures.items() if np.isfinite(value)}, **times}


def exported_logits(detector: LearnsLabels, probe: Sequence[Ids], rows: Sequence[Ids], vocabulary: int) -> NDArray[np.float64]:
    """What the exported graph says of the rows, `[rows]`."""
    with TemporaryDirectory() as name:
        parts = tuple(detector.export(Path(name), probe))
        return logits_of(Path(name), parts, rows, vocabulary)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
