"""What one member of an ensemble holds against a window, and how rare that is among normal windows.

Three kinds of evidence, each higher for stranger windows (Guo et al. 2021, arXiv 2103.04475, sections 3.3 and 3.4; the largest
rank is our own): the share of keys outside the member's top-g candidates, the largest rank of any key, and the
squared distance to the centre of its hypersphere. Each is put on one scale, decades of rarity, so that the largest may speak
for the member.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from logsentry.text.vocabulary import FIRST_KEY, UNK

EVIDENCE = ("share", "rank", "distance")
_LEAST = {
    "share": 0.05,
    "rank": 1.0,
    "distance": 1e-6,
}  # a scale never shorter than this, where normal windows show nothing at all


def gather(ranks: np.ndarray, distance: np.ndarray, top_g: int) -> np.ndarray:
    """Ranks `[members, windows, length]` and distances `[members, windows]` to evidence `[members, windows, 3]`.

    Position 0 is the begin key, which is never masked and says nothing.
    """
    asked = ranks[:, :, 1:]
    return np.stack([(asked >= top_g).mean(axis=2), asked.max(axis=2), distance], axis=2).astype(np.float64)


def unseen_last(ids: np.ndarray, ranks: np.ndarray, keys: int) -> np.ndarray:
    """A key never seen in training stands behind all `keys` that were, whatever a member makes of its neighbours.

    Else a session of nothing but unknown events would look normal: beside unknown events, one more is what a model expects.
    `ids` `[windows, length]`, `ranks` `[members, windows, length]`.
    """
    last: np.ndarray = np.where(ids == UNK, keys - FIRST_KEY, ranks)
    return last


def choose_top_g(ids: Sequence[np.ndarray], ranks: Sequence[np.ndarray], share: float = 0.95) -> int:
    """The least g such that known keys are among a member's g likeliest with the given share; at least 1.

    Batches of held-back normal windows: ids `[windows, length]`, ranks `[members, windows, length]`, of any lengths.
    """
    known = [r[:, :, 1:][:, (i != UNK)[:, 1:]].ravel() for i, r in zip(ids, ranks, strict=True)]
    flat = np.sort(np.concatenate(known))
    return int(flat[min(len(flat) - 1, int(np.ceil(share * len(flat))) - 1)]) + 1


class Scale(msgspec.Struct, frozen=True):
    """Evidence of held-back normal windows, sorted: `[members][kind][windows]`."""

    normal: tuple[tuple[tuple[float, ...], ...], ...]

    @classmethod
    def fit(cls, evidence: np.ndarray) -> Scale:
        """From evidence `[members, windows, kinds]`."""
        ordered = np.sort(evidence, axis=1)
        return cls(
            tuple(
                tuple(tuple(round(float(x), 9) for x in member[:, kind]) for kind in range(len(EVIDENCE))) for member in ordered
            )
        )


class Rarity:
    """Member scores on the scale of decades: 2 is as strange as one normal window in a hundred.

    Beyond the strangest normal window, where counting ends, the score grows with how many times its evidence is exceeded.
    """

    def __init__(self, scale: Scale) -> None:
        self._normal = [[np.asarray(kind) for kind in member] for member in scale.normal]

    @property
    def windows(self) -> int:
        """How many normal windows the scale was made from."""
        return len(self._normal[0][0])

    def member_scores(self, evidence: np.ndarray, members: Sequence[int]) -> np.ndarray:
        """Evidence `[members asked, windows, kinds]` to scores `[members asked, windows]`; `members` says which were asked."""
        scores = [self._of_member(evidence[row], self._normal[member]).max(axis=1) for row, member in enumerate(members)]
        return np.stack(scores)

    def kinds(self, evidence: np.ndarray, member: int) -> np.ndarray:
        """The same for one member and each kind of evidence apart: `[windows, kinds]`."""
        return self._of_member(evidence, self._normal[member])

    @staticmethod
    def _of_member(evidence: np.ndarray, normal: list[np.ndarray]) -> np.ndarray:
        columns = []
        for kind, name in enumerate(EVIDENCE):
            seen, known = evidence[:, kind], normal[kind]
            share = (1 + len(known) - np.searchsorted(known, seen - 1e-9, side="left")) / (len(known) + 1)
            beyond = np.maximum(0.0, seen - known[-1]) / max(known[-1], _LEAST[name])
            columns.append(-np.log10(share) + beyond)
        return np.stack(columns, axis=1)
