"""Fits a calibration: scores held-back normal windows on the very graph that will serve, and keeps what they show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from logsentry.scoring.calibration import VERSION, Calibration
from logsentry.scoring.evidence import Rarity, Scale, choose_top_g, gather, unseen_last
from logsentry.scoring.scorer import DIGITS, by_length
from logsentry.scoring.session import Session, choose, replay
from logsentry.scoring.vote import Vote, combine
from logsentry.sdk import Graph

BATCH_TOKENS = 4096
VOTES: tuple[Vote, ...] = ("majority", "mean")


def calibrate(
    folder: Path,
    graphs: Sequence[Graph],
    groups: tuple[int, ...],
    keys: int,
    held_back: Sequence[tuple[int, ...]],
    stride: int,
    windows_per_day: float,
    alerts_per_day: float,
    precision: str = "fp32",
) -> Calibration:
    """Calibrate on windows of key ids held back from training: every second one for the members' scale, the rest for p-values."""
    chosen = choose(graphs, ("cpu",), precision, "the new bundle")
    session = Session((folder / chosen.file).read_bytes(), chosen, groups)
    replay(session, (folder / "probe.npz").read_bytes(), "the new bundle")
    for_scale, for_values = _answers(session, held_back[0::2], keys, stride), _answers(session, held_back[1::2], keys, stride)
    top_g = choose_top_g([batch.ids for batch in for_scale], [batch.ranks for batch in for_scale])
    scale = Scale.fit(_evidence(for_scale, top_g))
    scores = Rarity(scale).member_scores(_evidence(for_values, top_g), range(sum(groups))).round(DIGITS)
    values: dict[str, tuple[float, ...]] = {
        vote: tuple(sorted(combine(scores, vote, sum(groups)).round(DIGITS).tolist())) for vote in VOTES
    }
    return Calibration(VERSION, stride, top_g, scale, values, round(windows_per_day, 3), alerts_per_day)


class _Batch(NamedTuple):
    ids: np.ndarray
    ranks: np.ndarray
    distance: np.ndarray


def _answers(session: Session, windows: Sequence[tuple[int, ...]], keys: int, stride: int) -> list[_Batch]:
    """What all members say of the windows, in batches of equal length."""
    answers = []
    for length, same in by_length(windows):
        size = max(1, BATCH_TOKENS // (length * min(stride, length)))
        for at in range(0, len(same), size):
            ids = np.array(same[at : at + size])
            ranks, distance, _ = session.run(ids, stride)
            answers.append(_Batch(ids, unseen_last(ids, ranks, keys), distance))
    return answers


def _evidence(answers: Sequence[_Batch], top_g: int) -> np.ndarray:
    """`[members, windows, kinds]`"""
    return np.concatenate([gather(batch.ranks, batch.distance, top_g) for batch in answers], axis=1)
