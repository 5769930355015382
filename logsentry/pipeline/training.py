"""The whole way from logs to a stored bundle: read, window, split by time, learn keys, fit, export, calibrate, seal.

Windows are split by time, so that nothing later teaches what is measured on earlier. The first share fits the detector and its
templates; what is held back is dealt in turn to the members' scale and to the threshold. No label is read anywhere: the
operator says that the logs are ordinary traffic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson

from logsentry import __version__
from logsentry.errors import TrainingError
from logsentry.pipeline.build import make_detector, make_files, make_source
from logsentry.pipeline.decode import position, read
from logsentry.schema.books import Books
from logsentry.schema.event import Event, timestamp
from logsentry.schema.profile import Profile
from logsentry.schema.window import Window
from logsentry.scoring.calibrating import calibrate
from logsentry.scoring.conformal import smallest_budget
from logsentry.sdk import Detector, Graph, Progress
from logsentry.stages.windows import assembler
from logsentry.store.bundles import Bundle, Store
from logsentry.store.manifest import SCHEMA_VERSION, FileEntry, Manifest, TrainingData
from logsentry.store.onnx_wire import inspect
from logsentry.text.logkeys import LogKeys
from logsentry.text.vocabulary import UNK

LEAST_HELD_BACK = 20
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
    dead: tuple[str, ...]

    def sentences(self, alerts_per_day: float) -> list[str]:
        """What the operator wants to know of the new bundle."""
        manifest, metrics = self.bundle.manifest, self.bundle.manifest.metrics
        told = [
            self.books.sentence().replace("scored", "used"),
            f"fitted on {manifest.data.windows - int(metrics['held_back']):,} windows of {manifest.data.first} to {manifest.data.last}, "
            f"held back {int(metrics['held_back']):,}; {manifest.keys:,} log keys; loss {metrics.get('loss', float('nan')):.3f}",
            f"counting alone (a key never seen) would alert on {metrics['counting_unseen_key_share']:.1%} of the held-back normal windows",
        ]
        if alerts_per_day < self.smallest_budget:
            told.append(
                f"the held-back windows can vouch for no fewer than {self.smallest_budget:.3g} false alerts a day, and you asked for "
                f"{alerts_per_day:g}: only windows stranger than all of them will alert; train on more logs for a finer threshold"
            )
        return [*told, *self.dead[:5], *([f"and {len(self.dead) - 5:,} more"] if len(self.dead) > 5 else [])]


def train(plan: TrainingPlan, store: Store, name: str, progress: Progress) -> Trained:
    """Train, calibrate and store a bundle; raises `TrainingError` where the logs do not suffice."""
    source = make_source(plan.source)
    profile = plan.profile or source.profile
    events, books, dead = _events(plan, progress)
    windows = _windows(events, profile)
    fit, held_back = _split(windows, plan.fit_share)
    detector = make_detector(plan.detector, plan.options)
    keys = LogKeys.learn(profile, [event for window in fit for event in window.events], plan.min_count)
    coded = [keys.encode(window) for window in fit]
    figures = detector.fit(coded, len(keys.vocabulary), seed=plan.seed, progress=progress)
    with store.incoming() as folder:
        graphs = detector.export(folder, coded)
        (folder / "logkeys.json").write_bytes(orjson.dumps(keys.to_json(), option=orjson.OPT_SORT_KEYS) + b"\n")
        per_day = _per_day(windows)
        held = [keys.encode(window) for window in held_back]
        found = calibrate(
            folder, graphs, tuple(detector.groups), len(keys.vocabulary), held, plan.stride, per_day, plan.alerts_per_day
        )
        (folder / "calibration.json").write_bytes(found.to_bytes())
        metrics = {**figures, **_counting(held), "templates": float(len(keys.vocabulary)), "held_back": float(len(held))}
        describe = _describer(plan, detector, graphs, keys, folder, _data(events, windows), metrics)
        bundle = store.put(folder, name, describe)
    return Trained(bundle, books, figures, smallest_budget(found.held_back("majority"), per_day), dead)


def _events(plan: TrainingPlan, progress: Progress) -> tuple[list[Event], Books, tuple[str, ...]]:
    """Every event of the paths, in order, with the books and the reasons of records that could not be read."""
    source = make_source(plan.source)
    events: list[Event] = []
    read_, filtered, dead = 0, 0, []
    input_ = make_files(plan.paths, source)
    for decoded in read(input_, source):
        if decoded is None:
            continue
        read_ += 1
        events.extend(decoded.events)
        filtered += bool(decoded.filtered)
        if decoded.bad:
            dead.append(f"{decoded.record.input} at byte {decoded.record.offset}: {decoded.bad}")
        if read_ % 1000 == 0:
            progress(*position(input_), f"reading: {read_:,} records")
    input_.close()
    if not events:
        raise TrainingError(
            f"no event of {plan.source} was found in {', '.join(plan.paths)} ({read_} records read); there is nothing to learn from"
        )
    return events, Books(read_, read_ - filtered - len(dead), 0, filtered, len(dead)), tuple(dead)


def _windows(events: Sequence[Event], profile: Profile) -> list[Window]:
    """All windows, in time order; equal times keep the order in which the windows began."""
    assemble = assembler(profile.windows)
    closed = [closed for event in events for closed in assemble.feed(event)]
    closed.extend(assemble.flush())
    return sorted((c.window for c in closed if c.window.events), key=lambda window: window.time or 0)


def _split(windows: Sequence[Window], fit_share: float) -> tuple[list[Window], list[Window]]:
    cut = int(len(windows) * fit_share)
    fit, held_back = list(windows[:cut]), list(windows[cut:])
    if len(held_back) < LEAST_HELD_BACK:
        raise TrainingError(
            f"{len(windows)} windows leave {len(held_back)} to hold back for the threshold, and it takes {LEAST_HELD_BACK}; give more logs"
        )
    return fit, held_back


def _per_day(windows: Sequence[Window]) -> float:
    """Normal windows a day: their number over the time they span, which is at least an hour so that a short sample is no flood."""
    times = [window.time for window in windows if window.time is not None]
    days = (max(times) - min(times)) / 86_400e9 if times else 1.0
    return len(windows) / max(days, 1 / 24)


def _counting(held: Sequence[tuple[int, ...]]) -> dict[str, float]:
    """The simplest baseline on the held-back normal windows: the share with a key never seen in training."""
    return {"counting_unseen_key_share": float(np.mean([UNK in ids for ids in held]))}


def _data(events: Sequence[Event], windows: Sequence[Window]) -> TrainingData:
    digest = blake2b(digest_size=32)
    for event in events:
        digest.update(event.id.encode())
    times = [event.time for event in events if event.time is not None]
    first, last = (timestamp(min(times)), timestamp(max(times))) if times else ("", "")
    return TrainingData(digest.hexdigest(), len(events), len(windows), first, last)


def _describer(
    plan: TrainingPlan,
    detector: Detector,
    graphs: Sequence[Graph],
    keys: LogKeys,
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
            opset=max(inspect((folder / graph.file).read_bytes(), graph.file) for graph in graphs),
            keys=len(keys.vocabulary),
            max_length=detector.max_length,
            graphs=tuple(graphs),
            groups=tuple(detector.groups),
            seed=plan.seed,
            data=data,
            files=files,
            metrics={name: round(value, 6) for name, value in sorted(metrics.items()) if name not in NOT_KEPT},
            detector_config=plan.options,
        )

    return describe
