"""Training in folds: as many detectors as folds, each fitted on all windows but those of its own, which it is calibrated on.

Folds are stretches of time, so that a fold's windows are no nearer to what was learned from than windows to come are. Log keys are
learned from all windows, since a bundle has one list of them; a detector that saw a key in no window treats it as unknown. What one p-value
comes of it is for `logsentry.scoring.folds`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from logsentry.errors import TrainingError, UsageError
from logsentry.pipeline.corpus import LEAST_HELD_BACK, Corpus, disjoint
from logsentry.pipeline.hybrid import named
from logsentry.schema.window import Window
from logsentry.scoring.calibrating import Fold
from logsentry.sdk import Detector, Part, Progress
from logsentry.text.keys import ChoosesKeys, Keys
from logsentry.text.vocabulary import FIRST_KEY

Ids = tuple[int, ...]


class Cut(NamedTuple):
    """What one fold's members learn from, and the fold itself, with no event in both."""

    fit: Sequence[Window]
    held_back: Sequence[Window]


def cut(corpus: Corpus, folds: int) -> list[Cut]:
    """Folds of equal size, in order of time; one is the corpus as it was split. Raises `TrainingError` where one is too small."""
    if folds == 1:
        return [Cut(corpus.fit, corpus.held_back)]
    windows = [*corpus.fit, *corpus.held_back]
    ends = [len(windows) * number // folds for number in range(folds + 1)]
    cuts = [Cut([*windows[:start], *windows[end:]], windows[start:end]) for start, end in pairwise(ends)]
    apart = [Cut(each.fit, disjoint(each.held_back, each.fit)) for each in cuts]
    if (least := min(len(each.held_back) for each in apart)) < LEAST_HELD_BACK:
        raise TrainingError(
            f"{len(windows)} windows in {folds} folds leave {least} in one of them, and it takes {LEAST_HELD_BACK}; "
            "give more logs or fewer folds"
        )
    return apart


def learned_from(cuts: Sequence[Cut]) -> Sequence[Window]:
    """The windows that log keys are learned from: all that any fold's members learn from, in order of time."""
    return cuts[0].fit if len(cuts) == 1 else [*cuts[-1].fit, *cuts[-1].held_back]


def held_back(cuts: Sequence[Cut], keys: Keys) -> list[Fold]:
    """The folds in key ids, each with the keys that none of its members' windows have."""
    if len(cuts) == 1:
        return [Fold([keys.encode(window) for window in cuts[0].held_back])]
    return [Fold([keys.encode(window) for window in each.held_back], _lacks(each, keys)) for each in cuts]


def _lacks(cut: Cut, keys: Keys) -> tuple[int, ...]:
    learned = {key for window in cut.fit for key in keys.encode(window)}
    return tuple(key for key in range(FIRST_KEY, len(keys.vocabulary)) if key not in learned)


def fit(
    detectors: Sequence[Detector], windows: Sequence[Sequence[Ids]], keys: int, seed: int, progress: Progress
) -> dict[str, float]:
    """Fit each on its windows; the mean of their figures. No two folds of neighbouring seeds share a seed."""
    if len(detectors) == 1:
        return detectors[0].fit(windows[0], keys, seed=seed, progress=progress)
    found: dict[str, list[float]] = {}
    for number, (detector, some) in enumerate(zip(detectors, windows, strict=True)):
        told = within(progress, number, len(detectors))
        for name, value in detector.fit(some, keys, seed=seed_of(seed, number), progress=told).items():
            found.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in found.items()} | {"folds": float(len(detectors))}


def seed_of(seed: int, fold: int) -> int:
    return 100 * seed + fold


def within(progress: Progress, fold: int, folds: int) -> Progress:
    if folds == 1:
        return progress
    return lambda done, total, note: progress(fold * total + done, folds * total, f"fold {fold + 1} of {folds}, {note}")


def export(detectors: Sequence[Detector], folder: Path, windows: Sequence[Sequence[Ids]]) -> list[Part]:
    """The parts of all, the first fold's first; each file is named for its fold."""
    if len(detectors) == 1:
        return list(detectors[0].export(folder, windows[0]))
    return [
        part
        for number, (detector, some) in enumerate(zip(detectors, windows, strict=True), 1)
        for part in named(f"fold{number}", detector, folder, some)
    ]


def made(folds: int, make: Callable[[], Detector]) -> list[Detector]:
    """As many new detectors as folds. Raises `UsageError` for one that folds mean nothing to."""
    if folds > MOST:
        raise UsageError(f"{folds} folds are more than {MOST}; each trains the detector once")
    detectors = [make() for _ in range(folds)]
    if folds > 1 and isinstance(detectors[0], ChoosesKeys):
        raise UsageError("this detector reads events by rules that no window teaches it, so it cannot be trained in folds")
    return detectors


MOST = 100
"""Folds at most: beyond, the seeds of two trainings would meet."""
