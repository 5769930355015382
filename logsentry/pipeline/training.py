"""The whole way from logs to a stored bundle: read, window, split by time, learn keys, fit, export, calibrate, seal.

Windows are split by time, so that nothing later teaches what is measured on earlier. The first share fits the detector and its
templates; what is held back sets the members' scale and the threshold. No label is read anywhere: the operator says that the logs are
ordinary traffic. With folds every window is held back once (`folds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson

from logsentry import __version__
from logsentry.pipeline.budget import too_wide
from logsentry.pipeline.build import make_detector, make_source
from logsentry.pipeline.corpus import gather
from logsentry.pipeline.folds import cut, export, fit, held_back, learned_from, made
from logsentry.reports.wording import attainable
from logsentry.schema.books import Books
from logsentry.schema.event import Event
from logsentry.schema.profile import Profile
from logsentry.scoring.calibrating import Fold, calibrate_folds
from logsentry.scoring.calibration import file_of
from logsentry.scoring.conformal import smallest_budget
from logsentry.sdk import Detector, Part, Progress
from logsentry.store.bundles import Store
from logsentry.store.manifest import SCHEMA_VERSION, FileEntry, Manifest, TrainingData
from logsentry.store.onnx_wire import inspect
from logsentry.store.verified import Bundle
from logsentry.text.keys import ChoosesKeys, Keys, ReadsTexts
from logsentry.text.logkeys import LogKeys
from logsentry.text.vocabulary import UNK

NOT_KEPT = ("seconds",)  # figures that differ between two equal trainings have no place in a folder named by its content


class TrainingPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to train on and how. `fit_share` is the share of windows, in time order, that the detector is fitted on, unless in `folds`."""

    source: str
    detector: str
    paths: tuple[str, ...]
    options: dict[str, Any] = {}
    profile: Profile | None = None
    source_options: dict[str, Any] = {}
    seed: int = 1
    alerts_per_day: float = 5.0
    fit_share: float = 0.7
    min_count: int = 2
    stride: int = 2
    folds: int = 1


class Trained(msgspec.Struct, frozen=True):
    """What `train` answers: the sealed bundle, the books of what it read, and the figures of the fit."""

    bundle: Bundle
    books: Books
    figures: dict[str, float]
    smallest_budget: float
    alerts_per_day: float
    dead: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """What the operator wants to know of the new bundle."""
        manifest, metrics = self.bundle.manifest, self.bundle.manifest.metrics
        held_back = int(metrics["held_back"])
        fired = round(metrics["counting_unseen_key_share"] * held_back)
        told = [
            self.books.sentence().replace("scored", "used"),
            f"{self._fitted()}; {manifest.keys:,} log keys{self._learned()}",
            f"the simplest rule, an alert for every key never seen, would have fired on {fired:,} of {held_back:,} held-back windows",
        ]
        if self.alerts_per_day < self.smallest_budget:
            told.append(
                f"the held-back windows can vouch for no fewer than {attainable(self.smallest_budget)} false alerts a day, and you "
                f"asked for {self.alerts_per_day:g}: only windows stranger than all of them will alert; train on more logs for a finer "
                "threshold"
            )
        told += self.warnings
        return [*told, *self.dead[:5], *([f"and {len(self.dead) - 5:,} more"] if len(self.dead) > 5 else [])]

    def _learned(self) -> str:
        """The loss, where there is one; a detector without says what it counted."""
        if "loss" in self.figures:
            return f"; loss {self.figures['loss']:.3f}"
        told = [
            f"{name.replace('_', ' ')} {figure:,.5g}" for name, figure in self.figures.items() if name not in (*NOT_KEPT, "folds")
        ]
        return "; " + ", ".join(told) if told else ""

    def _fitted(self) -> str:
        data, metrics = self.bundle.manifest.data, self.bundle.manifest.metrics
        held_back, folds = int(metrics["held_back"]), int(metrics.get("folds", 1))
        if folds > 1:
            return f"fitted on {data.windows:,} windows of {data.first} to {data.last} in {folds} folds, each held back in turn"
        return f"fitted on {data.windows - held_back:,} windows of {data.first} to {data.last}, held back {held_back:,}"


def train(plan: TrainingPlan, store: Store, name: str, progress: Progress) -> Trained:
    """Train, calibrate and store a bundle; raises `TrainingError` where the logs do not suffice."""
    source = make_source(plan.source, plan.source_options)
    profile = plan.profile or source.profile
    detectors = made(
        plan.folds, lambda: make_detector(plan.detector, plan.options)
    )  # before anything is read: a wrong setting is told at once
    corpus = gather(source, plan.paths, profile, plan.fit_share, progress)
    cuts = cut(corpus, plan.folds)
    keys = _keys(detectors, profile, [event for window in learned_from(cuts) for event in window.events], plan.min_count)
    coded, held = [[keys.encode(window) for window in each.fit] for each in cuts], held_back(cuts, keys)
    figures = fit(detectors, coded, len(keys.vocabulary), plan.seed, progress)
    with store.incoming() as folder:
        parts = tuple(export(detectors, folder, coded))
        (folder / "logkeys.json").write_bytes(orjson.dumps(keys.to_json(), option=orjson.OPT_SORT_KEYS) + b"\n")
        found = {
            precision: calibrate_folds(
                folder, parts, len(keys.vocabulary), held, {"stride": plan.stride}, corpus.per_day, plan.alerts_per_day, precision
            )
            for precision in precisions(parts)
        }
        for precision, calibration in found.items():
            (folder / file_of(precision)).write_bytes(calibration.to_bytes())
        metrics = {**figures, **_counting(held), "held_back": float(sum(len(fold.held_back) for fold in held))}
        bundle = store.put(folder, name, describer(plan, detectors[0], parts, keys, folder, corpus.data, metrics))
    return Trained(
        bundle,
        corpus.books,
        figures,
        smallest_budget(found["fp32"].held_back("majority"), corpus.per_day),
        plan.alerts_per_day,
        corpus.dead,
        tuple(too_wide(found["fp32"], "ordinary")),
    )


def _keys(detectors: Sequence[Detector], profile: Profile, events: Sequence[Event], min_count: int) -> Keys:
    """Log keys mined from the events, unless the detector has keys of its own; those that read texts are told them."""
    keys: Keys
    if isinstance(detectors[0], ChoosesKeys):
        keys = detectors[0].learn_keys(profile, events)
    else:
        keys = LogKeys.learn(profile, events, min_count)
    for detector in detectors:
        if isinstance(detector, ReadsTexts):
            detector.told([keys.text(key) for key in range(len(keys.vocabulary))])
    return keys


def precisions(parts: Sequence[Part]) -> list[str]:
    """Precisions that every part with graphs offers; a detector without graphs has the one that is the default."""
    offered: list[set[str]] = [{graph.precision for graph in part.graphs} for part in parts if part.graphs]
    return sorted(set.intersection(*offered)) if offered else ["fp32"]


def _counting(held: Sequence[Fold]) -> dict[str, float]:
    """The simplest baseline on the held-back normal windows: the share with a key never seen in training."""
    return {"counting_unseen_key_share": float(np.mean([UNK in ids for fold in held for ids in fold.known]))}


def describer(
    plan: TrainingPlan,
    detector: Detector,
    parts: tuple[Part, ...],
    keys: Keys,
    folder: Path,
    data: TrainingData,
    metrics: Mapping[str, float],
) -> Any:
    def describe(files: dict[str, FileEntry]) -> Manifest:
        return Manifest(
            schema_version=SCHEMA_VERSION,
            detector=plan.detector,
            source=plan.source,
            logsentry=__version__,
            opset=max((inspect((folder / g.file).read_bytes(), g.file) for part in parts for g in part.graphs), default=0),
            keys=len(keys.vocabulary),
            max_length=detector.max_length,
            parts=parts,
            seed=plan.seed,
            data=data,
            files=files,
            metrics={name: round(value, 6) for name, value in sorted(metrics.items()) if name not in NOT_KEPT},
            detector_config=plan.options,
        )

    return describe
