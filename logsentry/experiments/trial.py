"""One trial: a detector is fitted on four fifths of the normal training windows, calibrated on the last, and rates the test windows.

Trained in folds, that is done with each fifth in turn, and one value is made of all (`scoring.folds`).

What is fitted, exported, calibrated and asked is what `logsentry train` and `logsentry score` run; the one exception are random
masks, which nothing ships (`mask_draws`). Keys that the fitted part never had become the unknown event, as templates would.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from logsentry.errors import UsageError
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.ratings import Method, Ratings
from logsentry.experiments.ruled import ruled
from logsentry.pipeline.build import make_detector
from logsentry.pipeline.folds import seed_of, within
from logsentry.pipeline.hybrid import Hybrid
from logsentry.scoring.calibrating import scale_of
from logsentry.scoring.folds import Folds
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.judge import Judge
from logsentry.scoring.opening import open_part
from logsentry.scoring.panel import Panel, Seat, batches
from logsentry.scoring.vote import Vote, needed
from logsentry.sdk import Detector, Progress
from logsentry.text.keys import ChoosesKeys, ReadsTexts
from logsentry.text.vocabulary import FIRST_KEY, UNK

HELD_BACK = 0.2
BATCH_TOKENS = 16_384
Window = tuple[int, ...]


class Split(msgspec.Struct, frozen=True):
    """Training windows fitted on and held back, and the distinct test windows, in the ids that the detector knows."""

    fit: list[Window]
    held_back: list[Window]
    test: list[Window]


class Fitted(msgspec.Struct, frozen=True):
    """A detector that has learned, and what it said of learning."""

    detector: Detector
    figures: dict[str, float]


def trial(method: Method, benchmark: Benchmark, seed: int, progress: Progress) -> Ratings:
    """The same arguments give the same ratings."""
    options = dict(method.options)
    asking = {name: options.pop(name, None) for name in ("mask_stride", "mask_draws", "vote")}
    folds = options.pop("folds", 1)
    if isinstance(chooser := make_detector(method.detector, options), ChoosesKeys):
        benchmark = ruled(benchmark, chooser)
    detectors = _detectors(method.detector, options)
    rated = []
    for number, split in enumerate([split_of(benchmark, seed)] if folds == 1 else fold_splits(benchmark, seed, folds)):
        own = seed if folds == 1 else seed_of(seed, number)
        began = time.perf_counter()
        learned = [fitted(name, told, benchmark, split, own, within(progress, number, folds)) for name, told in detectors]
        scoring = time.perf_counter()
        judges = [judge for one in learned for judge in _judges(one.detector, split, benchmark.keys, asking, own)]
        rated.append(_rated(judges, split, asking["vote"] or "majority"))
        times = {"seconds_fit": scoring - began, "seconds_score": time.perf_counter() - scoring}
        rated[-1].figures = {**_figures(learned), **times}
    return rated[0] if folds == 1 else across(rated)


def _figures(learned: Sequence[Fitted]) -> dict[str, float]:
    return {name: value for one in learned for name, value in one.figures.items() if np.isfinite(value)}


def across(rated: Sequence[Ratings]) -> Ratings:
    """One rating of those of the folds, each of which held its own windows back; times add up, other figures are means."""
    folds = Folds([sorted(one.held_back) for one in rated])
    values = folds.values([np.array(one.values) for one in rated])
    names = set.intersection(*(set(one.figures) for one in rated))
    sums = {name: sum(one.figures[name] for one in rated) for name in sorted(names)}
    figures = {name: total if name.startswith("seconds") else total / len(rated) for name, total in sums.items()}
    return Ratings(values.tolist(), folds.ruler().tolist(), figures=figures)


def _detectors(name: str, options: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A hybrid's detectors one by one, so that each is fitted once though it stands in a row of its own as well."""
    if name != "hybrid":
        return [(name, options)]
    hybrid = make_detector(name, options)
    assert isinstance(hybrid, Hybrid)
    return list(hybrid.config.detectors.items())


_KEPT: dict[tuple[str, bytes, str, int, int], Fitted] = {}
"""What was fitted in this process: several rows ask the same model in different ways, and models are small."""


def fitted(name: str, options: dict[str, Any], benchmark: Benchmark, split: Split, seed: int, progress: Progress) -> Fitted:
    """A detector fitted on the training part of a split."""
    key = (name, msgspec.json.encode(options, order="sorted"), benchmark.digest, seed, len(split.fit))
    if key not in _KEPT:
        detector = make_detector(name, options)
        if isinstance(detector, ReadsTexts) and benchmark.texts:
            detector.told(benchmark.texts)
        figures = detector.fit(split.fit, benchmark.keys, seed=seed, progress=progress)
        _KEPT[key] = Fitted(detector, figures)
    return _KEPT[key]


def split_of(benchmark: Benchmark, seed: int) -> Split:
    """The last fifth of a seeded shuffle is held back; keys that the rest lacks become UNK everywhere."""
    every = _shuffled(benchmark, seed)
    cut = len(every) - int(len(every) * HELD_BACK)
    return _split(every[:cut], every[cut:], benchmark)


def fold_splits(benchmark: Benchmark, seed: int, folds: int) -> list[Split]:
    """Every n-th window of a seeded shuffle is held back, each in one split."""
    every = _shuffled(benchmark, seed)
    others = [[window for at, window in enumerate(every) if at % folds != number] for number in range(folds)]
    return [_split(some, every[number::folds], benchmark) for number, some in enumerate(others)]


def _shuffled(benchmark: Benchmark, seed: int) -> list[Window]:
    every = list(benchmark.train)
    random.Random(seed).shuffle(every)
    return every


def _split(fit: list[Window], held_back: list[Window], benchmark: Benchmark) -> Split:
    known = set(range(benchmark.keys)) if benchmark.fixed_keys else {key for window in fit for key in window}
    return Split(*([_known(window, known) for window in part] for part in (fit, held_back, benchmark.windows)))


def _known(window: Sequence[int], known: set[int]) -> Window:
    return tuple(key if key < FIRST_KEY or key in known else UNK for key in window)


def _judges(detector: Detector, split: Split, keys: int, asking: Mapping[str, Any], seed: int) -> list[Judge]:
    if asking["mask_draws"]:
        from logsentry.experiments.mask_draws import MaskDraws
        from logsentry.learn.logbert.ensemble import LogBertEnsemble

        if not isinstance(detector, LogBertEnsemble) or detector.model is None or detector.model.members != 1:
            raise UsageError("random masks are drawn for one LogBERT only; set members to 1")
        return [MaskDraws(detector.model, asking["mask_draws"], seed)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        parts = detector.export(folder, split.fit[:256])
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
    stride = {"stride": asking["mask_stride"]} if asking["mask_stride"] else {}
    return [open_part(part, files, keys, stride, Hardware(), "the trial").judge for part in parts]


def _rated(judges: Sequence[Judge], split: Split, vote: Vote) -> Ratings:
    seats = [Seat.of(judge, scale_of(judge, split.held_back)) for judge in judges]
    panel = Panel(seats, BATCH_TOKENS)
    if len(seats) > 1 or seats[0].members == 1:
        return Ratings(panel.values(split.test, vote).tolist(), panel.values(split.held_back, vote).tolist())
    members, normal = (_members(seats[0], windows) for windows in (split.test, split.held_back))
    return Ratings(_voted(members, vote).tolist(), _voted(normal, vote).tolist(), members.tolist(), normal.tolist())


def _members(seat: Seat, windows: Sequence[Window]) -> np.ndarray:
    """`[members, windows]`, in the order given."""
    found: dict[Window, np.ndarray] = {}
    for ids in batches(list(dict.fromkeys(windows)), seat.judge.cost, BATCH_TOKENS):
        found.update(zip(map(tuple, ids.tolist()), seat.scores(seat.judge.ask(ids)).T, strict=True))
    return np.stack([found[window] for window in windows], axis=1)


def _voted(members: np.ndarray, vote: Vote) -> np.ndarray:
    voted: np.ndarray = members.mean(axis=0) if vote == "mean" else np.sort(members, axis=0)[-needed(len(members))]
    return voted
