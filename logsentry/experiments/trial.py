"""One trial: a detector is fitted on four fifths of the normal training windows, calibrated on the last, and rates the test windows.

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
from logsentry.pipeline.hybrid import Hybrid
from logsentry.scoring.calibrating import scale_of
from logsentry.scoring.judge import Judge
from logsentry.scoring.opening import Hardware, open_part
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
    if isinstance(chooser := make_detector(method.detector, options), ChoosesKeys):
        benchmark = ruled(benchmark, chooser)
    split = split_of(benchmark, seed)
    began = time.perf_counter()
    learned = [fitted(name, told, benchmark, seed, progress) for name, told in _detectors(method.detector, options)]
    scoring = time.perf_counter()
    judges = [judge for one in learned for judge in _judges(one.detector, split, benchmark.keys, asking, seed)]
    rated = _rated(judges, split, asking["vote"] or "majority")
    times = {"seconds_fit": scoring - began, "seconds_score": time.perf_counter() - scoring}
    figures = {name: value for one in learned for name, value in one.figures.items() if np.isfinite(value)}
    rated.figures = {**figures, **times}
    return rated


def _detectors(name: str, options: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A hybrid's detectors one by one, so that each is fitted once though it stands in a row of its own as well."""
    if name != "hybrid":
        return [(name, options)]
    hybrid = make_detector(name, options)
    assert isinstance(hybrid, Hybrid)
    return list(hybrid.config.detectors.items())


_KEPT: dict[tuple[str, bytes, str, int], Fitted] = {}
"""What was fitted in this process: several rows ask the same model in different ways, and models are small."""


def fitted(name: str, options: dict[str, Any], benchmark: Benchmark, seed: int, progress: Progress) -> Fitted:
    """A detector fitted on the training part of a benchmark's split."""
    key = (name, msgspec.json.encode(options, order="sorted"), benchmark.digest, seed)
    if key not in _KEPT:
        detector = make_detector(name, options)
        if isinstance(detector, ReadsTexts) and benchmark.texts:
            detector.told(benchmark.texts)
        figures = detector.fit(split_of(benchmark, seed).fit, benchmark.keys, seed=seed, progress=progress)
        _KEPT[key] = Fitted(detector, figures)
    return _KEPT[key]


def split_of(benchmark: Benchmark, seed: int) -> Split:
    """The last fifth of a seeded shuffle is held back; keys that the rest lacks become UNK everywhere."""
    every = list(benchmark.train)
    random.Random(seed).shuffle(every)
    cut = len(every) - int(len(every) * HELD_BACK)
    known = set(range(benchmark.keys)) if benchmark.fixed_keys else {key for window in every[:cut] for key in window}
    parts = (every[:cut], every[cut:], benchmark.windows)
    return Split(*([_known(window, known) for window in part] for part in parts))


def _known(window: Sequence[int], known: set[int]) -> Window:
    return tuple(key if key < FIRST_KEY or key in known else UNK for key in window)


def _judges(detector: Detector, split: Split, keys: int, asking: Mapping[str, Any], seed: int) -> list[Judge]:
    if asking["mask_draws"]:
        from logsentry.experiments.mask_draws import MaskDraws
        from logsentry.learn.ensemble import LogBertEnsemble

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
