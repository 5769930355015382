"""The whole way from labelled logs to a stored classifier: read, window, split, learn tokens, fit, export, calibrate, measure, seal.

It differs from `training` in what it reads labels for: to fit, and to measure. Thresholds come from held-back benign windows alone, by the
same split conformal prediction as everywhere. Nothing that was learned from, or says the same, is measured on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import orjson

from logsentry.errors import UsageError
from logsentry.pipeline import budget
from logsentry.pipeline.build import make_detector, make_source
from logsentry.pipeline.corpus import described, per_day
from logsentry.pipeline.labelled_corpus import Examples, Labelled, Split, check_enough, need_share, read_examples, split
from logsentry.pipeline.labelled_figures import About, Held, card, figures
from logsentry.pipeline.labelled_logits import against_torch, write_probabilities
from logsentry.pipeline.rating import HearsWords, LearnsLabels, logits_of
from logsentry.pipeline.training import TrainingPlan, describer, precisions
from logsentry.reports import frequency
from logsentry.schema.books import Books
from logsentry.schema.profile import Profile
from logsentry.scoring import calibration
from logsentry.scoring.calibrating import calibrate
from logsentry.scoring.calibration import file_of
from logsentry.scoring.precisions import differences
from logsentry.scoring.probability import file_of as probability_file
from logsentry.scoring.probability import parse
from logsentry.sdk import Detector, Part, Progress
from logsentry.store.bundles import Store
from logsentry.store.verified import Bundle
from logsentry.text.coverage import ranks
from logsentry.text.token_keys import TokenConfig, TokenKeys

CARD = "card.md"
UNEQUAL = ("seconds", "rows_per_second")
"""Figures of a fit that differ between two equal trainings."""
MOST_SCALED = 20_000
"""Held-back benign windows that go into the calibration at most, evenly drawn from them: it is JSON in the bundle."""
Coded = list[tuple[tuple[int, ...], int]]


class LabelledPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to learn from and how. `rows` are files of token rows that carry their label, `data` and `licence` are for the card."""

    source: str
    detector: str = "encoder"
    benign: tuple[str, ...] = ()
    malicious: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    profile: Profile | None = None
    source_options: dict[str, Any] = {}
    tokens: TokenConfig = TokenConfig()
    seed: int = 1
    alerts_per_day: float = 5.0
    fit_share: float = 0.7
    data: str = ""
    licence: str = ""


class TrainedOnLabels(msgspec.Struct, frozen=True):
    """The sealed bundle, the books of what was read, and why records could not be."""

    bundle: Bundle
    books: Books
    dead: tuple[str, ...]

    def sentences(self) -> list[str]:
        """What the operator wants to know of the new bundle."""
        found = self.bundle.manifest.metrics
        told = [
            self.books.sentence().replace("scored", "used"),
            f"learned from {found['learned_benign']:,.0f} benign and {found['learned_malicious']:,.0f} malicious windows, measured on "
            f"{found['held_back_benign']:,.0f} and {found['held_back_malicious']:,.0f} new ones; {found['repeats']:,.0f} repeat what was "
            "learned and are left out",
            f"AUC {found['auc']:.4f} ({found['auc_low']:.4f} to {found['auc_high']:.4f}); at a false-positive rate of 1e-3 it finds "
            f"{found['tpr_at_0.001']:.1%} ({found['tpr_at_0.001_low']:.1%} to {found['tpr_at_0.001_high']:.1%})",
            *differences(found),
            *parse(self.bundle.files[probability_file("fp32")], self.bundle.reference).sentences(),
            *budget.sentences(calibration.parse(self.bundle.files[file_of("fp32")], self.bundle.reference)),
        ]
        return [*told, *self.dead[:5], *([f"and {len(self.dead) - 5:,} more"] if len(self.dead) > 5 else [])]


def train_labelled(plan: LabelledPlan, store: Store, name: str, progress: Progress) -> TrainedOnLabels:
    """Learn, calibrate, measure and store a bundle; raises `TrainingError` where the logs do not suffice."""
    need_share(plan.fit_share)
    source, detector = make_source(plan.source, plan.source_options), learner(plan)
    profile = plan.profile or source.profile
    options = {} if plan.tokens.reads else plan.tokens.source_options  # those of another source say nothing of this one
    examples = read_examples(source, profile, plan.benign, plan.malicious, plan.rows, options, progress)
    parted = split(examples.labelled, plan.fit_share, plan.seed)
    events = [event for one in parted.fit for event in one.window.events]
    keys = TokenKeys.learn(profile, events, plan.tokens, detector.max_length)
    learned, held = coded(keys, parted)
    rows, labels = [row for row, _ in learned], [label for _, label in learned]
    if isinstance(detector, HearsWords):
        detector.hear([keys.text(number) for number in range(len(keys.vocabulary))])
    found = detector.fit_labelled(rows, labels, len(keys.vocabulary), seed=plan.seed, progress=progress)
    with store.incoming() as folder:
        parts = tuple(detector.export(folder, spread(list(dict.fromkeys(rows)), 256)))
        (folder / "logkeys.json").write_bytes(orjson.dumps(keys.to_json(), option=orjson.OPT_SORT_KEYS) + b"\n")
        calibrated(folder, parts, len(keys.vocabulary), held, examples, plan)
        metrics = {
            **{figure: value for figure, value in found.items() if np.isfinite(value) and figure not in UNEQUAL},
            **measured(folder, parts, len(keys.vocabulary), held, detector),
            **counts(learned, held, parted),
        }
        (folder / frequency.FILE).write_text(frequencies(rows), encoding="utf-8")
        write_card(folder, plan, name, examples, parted, held, metrics)
        told = TrainingPlan(plan.source, plan.detector, (), plan.options, seed=plan.seed)
        data = described(examples.events, [one.window for one in examples.labelled])
        bundle = store.put(folder, name, describer(told, cast(Detector, detector), parts, cast(Any, keys), folder, data, metrics))
    return TrainedOnLabels(bundle, examples.books, examples.dead)


def learner(plan: LabelledPlan) -> LearnsLabels:
    """Raises `UsageError` for a detector that learns from ordinary logs alone."""
    detector: object = make_detector(plan.detector, plan.options)
    if not isinstance(detector, LearnsLabels):
        raise UsageError(f"the detector {plan.detector!r} learns from ordinary logs alone; give it PATHS without labels")
    return detector


def coded(keys: TokenKeys, parted: Split) -> tuple[Coded, Coded]:
    """Rows of ids with their labels, to learn from and held back. Contents that became equal rows when cut or made unknown are repeats."""
    learned = [(keys.encode(one.window), one.label) for one in parted.fit]
    known = {row for row, _ in learned}
    new: list[tuple[Labelled, tuple[int, ...]]] = [
        (one, row) for one in parted.held_back if (row := keys.encode(one.window)) not in known
    ]
    check_enough(parted.fit, [one for one, _ in new])
    return learned, [(row, one.label) for one, row in new]


def calibrated(folder: Path, parts: tuple[Part, ...], ids: int, held: Coded, examples: Examples, plan: LabelledPlan) -> None:
    """Write a calibration for each precision, from held-back benign rows alone."""
    normal = spread([row for row, label in held if not label], MOST_SCALED)
    rate = per_day([one.window for one in examples.labelled if not one.label])
    for precision in precisions(parts):
        found = calibrate(folder, parts, ids, normal, {}, rate, plan.alerts_per_day, precision)
        (folder / file_of(precision)).write_bytes(found.to_bytes())


def measured(folder: Path, parts: tuple[Part, ...], ids: int, held: Coded, detector: object) -> dict[str, float]:
    """Figures of the graphs that will serve, on held-back rows; leaves their probabilities in the folder."""
    table = Held.of([row for row, _ in held], [label for _, label in held])
    logits = {one: logits_of(folder, parts, table.rows, ids, one) for one in precisions(parts)}
    write_probabilities(folder, table, logits)
    return {**figures(table, logits), **against_torch(detector, table, logits)}


def frequencies(rows: Sequence[tuple[int, ...]]) -> str:
    """How often each token came in the rows that were learned from, as a picture."""
    times = Counter(token for row in rows for token in row)
    return frequency.frequency_svg(ranks(times), len(times))


def counts(learned: Coded, held: Coded, parted: Split) -> dict[str, float]:
    later = len(parted.held_back) + parted.repeats
    return {
        "learned_benign": float(sum(not label for _, label in learned)),
        "learned_malicious": float(sum(label for _, label in learned)),
        "held_back_benign": float(sum(not label for _, label in held)),
        "held_back_malicious": float(sum(label for _, label in held)),
        "held_back_distinct": float(len({row for row, _ in held})),
        "repeats": float(later - len(held)),
    }


def write_card(
    folder: Path, plan: LabelledPlan, name: str, examples: Examples, parted: Split, held: Coded, metrics: dict[str, float]
) -> None:
    labels: dict[tuple[int, ...], set[int]] = {}
    for row, label in held:
        labels.setdefault(row, set()).add(label)
    data = described(examples.events, [one.window for one in examples.labelled])
    about = About(
        name=name,
        detector=plan.detector,
        source=plan.source,
        learned=(int(metrics["learned_benign"]), int(metrics["learned_malicious"])),
        held_back=(int(metrics["held_back_benign"]), int(metrics["held_back_malicious"])),
        distinct=len(labels),
        repeats=int(metrics["repeats"]),
        contradictory=sum(len(labels[row]) > 1 for row, _ in held),
        by_time=parted.by_time,
        span=f"{data.first} to {data.last}" if data.first else "",
        digest=data.digest,
        licence=plan.licence,
        data=plan.data,
    )
    (folder / CARD).write_text(card(about, metrics), encoding="utf-8")


def spread(rows: list[tuple[int, ...]], most: int) -> list[tuple[int, ...]]:
    """So many of the rows at most, evenly over them."""
    if len(rows) <= most:
        return rows
    return [rows[place] for place in np.linspace(0, len(rows) - 1, most).round().astype(int).tolist()]
