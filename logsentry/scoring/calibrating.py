"""Fits a calibration: asks about held-back normal windows on the very graphs that will serve, and keeps what they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from logsentry.scoring.calibration import VERSION, Calibration, PartCalibration
from logsentry.scoring.evidence import Scale
from logsentry.scoring.folds import Folds
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.judge import Judge
from logsentry.scoring.opening import open_part
from logsentry.scoring.panel import DIGITS, Panel, Seat, batches
from logsentry.scoring.vote import Vote
from logsentry.sdk import Part
from logsentry.text.vocabulary import UNK

BATCH_TOKENS = 4096
VOTES: tuple[Vote, ...] = ("majority", "mean")


class Fold(msgspec.Struct, frozen=True):
    """Normal windows that the members of some parts did not see, and the keys `lacks` that were in no window that they did see."""

    held_back: Sequence[tuple[int, ...]]
    lacks: tuple[int, ...] = ()

    @property
    def known(self) -> list[tuple[int, ...]]:
        """The windows as those members know them."""
        lacks = set(self.lacks)
        return [tuple(UNK if key in lacks else key for key in window) for window in self.held_back]


def calibrate(
    folder: Path,
    parts: Sequence[Part],
    keys: int,
    held_back: Sequence[tuple[int, ...]],
    settings: Mapping[str, int],
    windows_per_day: float,
    alerts_per_day: float,
    precision: str = "fp32",
) -> Calibration:
    """Calibrate on windows of key ids held back from training; `settings` are told to every judge beside its part's own."""
    return calibrate_folds(folder, parts, keys, [Fold(held_back)], settings, windows_per_day, alerts_per_day, precision)


def calibrate_folds(
    folder: Path,
    parts: Sequence[Part],
    keys: int,
    folds: Sequence[Fold],
    settings: Mapping[str, int],
    windows_per_day: float,
    alerts_per_day: float,
    precision: str = "fp32",
) -> Calibration:
    """The same for members trained in folds: the parts of the first fold, then those of the next, as many of each."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    hardware = Hardware(precision=precision)
    calibrated, seats = [], []
    for at, part in enumerate(parts):
        number = at * len(folds) // len(parts)
        held_back, lacks = folds[number].known, folds[number].lacks
        judge = open_part(part, files, keys, settings, hardware, "the new bundle").judge
        tuned = judge.tune(list(batches(held_back, judge.cost, BATCH_TOKENS)))
        judge = open_part(part, files, keys, tuned, hardware, "the new bundle").judge
        scale = scale_of(judge, held_back)
        calibrated.append(PartCalibration(tuned, scale, number, lacks))
        seats.append(Seat.of(judge, scale, number, lacks))
    by_fold: dict[str, tuple[tuple[float, ...], ...]] = {vote: tuple(fold_values(seats, folds, vote)) for vote in VOTES}
    values = {vote: some[0] if len(some) == 1 else ruler(some) for vote, some in by_fold.items()}
    across = by_fold if len(folds) > 1 else {}
    return Calibration(VERSION, tuple(calibrated), values, round(windows_per_day, 3), alerts_per_day, across)


def fold_values(seats: Sequence[Seat], folds: Sequence[Fold], vote: Vote) -> Iterator[tuple[float, ...]]:
    """For each fold the sorted values of its windows, by the seats that did not see them."""
    for number, fold in enumerate(folds):
        panel = Panel([seat for seat in seats if seat.fold == number], BATCH_TOKENS)
        yield tuple(sorted(panel.values(fold.held_back, vote).tolist()))


def ruler(by_fold: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """What stands for held-back values where the value is a p-value already."""
    return tuple(Folds(by_fold).ruler().round(DIGITS).tolist())


def scale_of(judge: Judge, held_back: Sequence[tuple[int, ...]]) -> Scale:
    """The scale of a judge's evidence on normal windows."""
    evidence = [judge.ask(ids).evidence for ids in batches(list(held_back), judge.cost, BATCH_TOKENS)]
    return Scale.fit(np.concatenate(evidence, axis=1), [kind.least for kind in judge.kinds])
