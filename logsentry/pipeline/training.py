"""The whole way from logs to a stored bundle: read, window, split by time, learn keys, fit, export, calibrate, seal.

Windows are split by time, so that nothing later teaches what is measured on earlier. The first share fits the detector and its
templates; what is held back is dealt in turn to the members' scale and to the threshold. No label is read anywhere: the
operator says that the logs are ordinary traffic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson

from logsentry import __version__
from logsentry.pipeline.build import make_detector, make_source
from logsentry.pipeline.corpus import gather
from logsentry.schema.books import Books
from logsentry.schema.event import Event
from logsentry.schema.profile import Profile
from logsentry.scoring.calibrating import calibrate
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
    """What to train on and how. `fit_share` is the share of windows, in time order, that the detector is fitted on."""

    source: str
    detector: str
    paths: tuple[str, ...]
    options: dict[str, Any] = {}
    profile: Profile | None = None
    seed: int = 1
    alerts_per_day: float = 5.0
    fit_share: float = 0.7
    min_count: int = 2
    stride: int = 2


class Trained(msgspec.Struct, frozen=True):
    """What `train` answers: the sealed bundle, the books of what it read, and the figures of the fit."""

    bundle: Bundle
    books: Books
    figures: dict[str, float]
    smallest_budget: float
    alerts_per_day: float
    dead: tuple[str, ...]

    def sentences(self) -> list[str]:
        """What the operator wants to know of the new bundle."""
        manifest, metrics = self.bundle.manifest, self.bundle.manifest.metrics
        told = [
            self.books.sentence().replace("scored", "used"),
            f"fitted on {manifest.data.windows - int(metrics['held_back']):,} windows of {manifest.data.first} to {manifest.data.last}, "
            f"held back {int(metrics['held_back']):,}; {manifest.keys:,} log keys; loss {metrics.get('loss', float('nan')):.3f}",
            f"counting alone (a key never seen) would alert on {metrics['counting_unseen_key_share']:.1%} of the held-back normal windows",
        ]
        if self.alerts_per_day < self.smallest_budget:
            told.append(
                f"the held-back windows can vouch for no fewer than {self.smallest_budget:.3g} false alerts a day, and you asked for "
                f"{self.alerts_per_day:g}: only windows stranger than all of them will alert; train on more logs for a finer threshold"
            )
        return [*told, *self.dead[:5], *([f"and {len(self.dead) - 5:,} more"] if len(self.dead) > 5 else [])]


def train(plan: TrainingPlan, store: Store, name: str, progress: Progress) -> Trained:
    """Train, calibrate and store a bundle; raises `TrainingError` where the logs do not suffice."""
    source = make_source(plan.source)
    profile = plan.profile or source.profile
    detector = make_detector(plan.detector, plan.options)  # before anything is read: a wrong setting is told at once
    corpus = gather(source, plan.paths, profile, plan.fit_share, progress)
    keys = _keys(detector, profile, [event for window in corpus.fit for event in window.events], plan.min_count)
    coded, held = ([keys.encode(window) for window in windows] for windows in (corpus.fit, corpus.held_back))
    figures = detector.fit(coded, len(keys.vocabulary), seed=plan.seed, progress=progress)
    with store.incoming() as folder:
        parts = tuple(detector.export(folder, coded))
        (folder / "logkeys.json").write_bytes(orjson.dumps(keys.to_json(), option=orjson.OPT_SORT_KEYS) + b"\n")
        found = {
            precision: calibrate(
                folder, parts, len(keys.vocabulary), held, {"stride": plan.stride}, corpus.per_day, plan.alerts_per_day, precision
            )
            for precision in precisions(parts)
        }
        for precision, calibration in found.items():
            (folder / file_of(precision)).write_bytes(calibration.to_bytes())
        metrics = {**figures, **_counting(held), "held_back": float(len(held))}
        bundle = store.put(folder, name, describer(plan, detector, parts, keys, folder, corpus.data, metrics))
    return Trained(
        bundle,
        corpus.books,
        figures,
        smallest_budget(found["fp32"].held_back("majority"), corpus.per_day),
        plan.alerts_per_day,
        corpus.dead,
    )


def _keys(detector: Detector, profile: Profile, events: Sequence[Event], min_count: int) -> Keys:
    """Log keys mined from the events, unless the detector has keys of its own; one that reads texts is told them."""
    keys: Keys
    if isinstance(detector, ChoosesKeys):
        keys = detector.learn_keys(profile, events)
    else:
        keys = LogKeys.learn(profile, events, min_count)
    if isinstance(detector, ReadsTexts):
        detector.told([keys.text(key) for key in range(len(keys.vocabulary))])
    return keys


def precisions(parts: Sequence[Part]) -> list[str]:
    """Precisions that every part with graphs offers; a detector without graphs has the one that is the default."""
    offered: list[set[str]] = [{graph.precision for graph in part.graphs} for part in parts if part.graphs]
    return sorted(set.intersection(*offered)) if offered else ["fp32"]


def _counting(held: Sequence[tuple[int, ...]]) -> dict[str, float]:
    """The simplest baseline on the held-back normal windows: the share with a key never seen in training."""
    return {"counting_unseen_key_share": float(np.mean([UNK in ids for ids in held]))}


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
