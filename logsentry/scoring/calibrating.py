"""Fits a calibration: asks about held-back normal windows on the very graphs that will serve, and keeps what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from logsentry.scoring.calibration import VERSION, Calibration, PartCalibration
from logsentry.scoring.evidence import Scale
from logsentry.scoring.judge import Judge
from logsentry.scoring.opening import Hardware, open_part
from logsentry.scoring.panel import Panel, Seat, batches
from logsentry.scoring.vote import Vote
from logsentry.sdk import Part

BATCH_TOKENS = 4096
VOTES: tuple[Vote, ...] = ("majority", "mean")


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
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    hardware = Hardware(precision=precision)
    calibrated, seats = [], []
    for part in parts:
        judge = open_part(part, files, keys, settings, hardware, "the new bundle").judge
        tuned = judge.tune(list(batches(list(held_back), judge.cost, BATCH_TOKENS)))
        judge = open_part(part, files, keys, tuned, hardware, "the new bundle").judge
        scale = scale_of(judge, held_back)
        calibrated.append(PartCalibration(tuned, scale))
        seats.append(Seat.of(judge, scale))
    panel = Panel(seats, BATCH_TOKENS)
    values: dict[str, tuple[float, ...]] = {vote: tuple(sorted(panel.values(held_back, vote).tolist())) for vote in VOTES}
    return Calibration(VERSION, tuple(calibrated), values, round(windows_per_day, 3), alerts_per_day)


def scale_of(judge: Judge, held_back: Sequence[tuple[int, ...]]) -> Scale:
    """The scale of a judge's evidence on normal windows."""
    evidence = [judge.ask(ids).evidence for ids in batches(list(held_back), judge.cost, BATCH_TOKENS)]
    return Scale.fit(np.concatenate(evidence, axis=1), [kind.least for kind in judge.kinds])
