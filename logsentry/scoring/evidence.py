"""Evidence of different kinds on one scale: how rare it is among normal windows.

Evidence is whatever a judge holds against a window, each kind in its own unit, higher for stranger windows, 0 at least. Here it
becomes decades of rarity, so that the strangest kind may speak for a member.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from logsentry.text.vocabulary import FIRST_KEY, UNK


def unseen_last(ids: np.ndarray, ranks: np.ndarray, keys: int) -> np.ndarray:
    """A key never seen in training stands behind all `keys` that were, whatever a member makes of its neighbours.

    Else a session of nothing but unknown events would look normal: beside unknown events, one more is what a model expects.
    `ids` `[windows, length]`, `ranks` `[members, windows, length]`.
    """
    last: np.ndarray = np.where(ids == UNK, keys - FIRST_KEY, ranks)
    return last


UNSEEN = 46.0
"""The surprise of a key never seen in training, in nats, which no known key exceeds (the graph tells no probability below 1e-20 apart): a
model has no grounds for the one it gives, and on HDFS such keys come in 42 of 100,000 normal sessions."""


def choose_top_g(ids: Sequence[np.ndarray], ranks: Sequence[np.ndarray], share: float = 0.95) -> int:
    """The least g such that known keys are among a member's g likeliest with the given share; at least 1.

    Batches of held-back normal windows: ids `[windows, length]`, ranks `[members, windows, length]`, of any lengths.
    """
    known = [r[:, :, 1:][:, (i != UNK)[:, 1:]].ravel() for i, r in zip(ids, ranks, strict=True)]
    flat = np.sort(np.concatenate(known))
    return int(flat[min(len(flat) - 1, int(np.ceil(share * len(flat))) - 1)]) + 1


class Scale(msgspec.Struct, frozen=True):
    """Evidence of held-back normal windows, sorted: `normal[member][kind][window]`.

    `least[kind]` is about the smallest amount of that kind that means anything: amounts are compared as ratios above it.
    """

    least: tuple[float, ...]
    normal: tuple[tuple[tuple[float, ...], ...], ...]

    @classmethod
    def fit(cls, evidence: np.ndarray, least: Sequence[float]) -> Scale:
        """From evidence `[members, windows, kinds]`."""
        ordered = np.sort(evidence, axis=1).round(9)
        return cls(tuple(least), tuple(tuple(tuple(kind) for kind in member.T.tolist()) for member in ordered))


class Rated(NamedTuple):
    """Evidence in decades of rarity, `kinds` `[members, windows, kinds]`: 2 is as strange as one normal window in a hundred. `held_back`
    is how many normal windows set the scale."""

    kinds: np.ndarray
    held_back: int

    @property
    def scores(self) -> np.ndarray:
        """Of the members, `[members, windows]`: the strangest kind speaks."""
        strangest: np.ndarray = self.kinds.max(axis=2)
        return strangest


class Rarity:
    """Evidence on the scale of decades.

    Between two normal windows the scale runs straight in the logarithm of the evidence, so that windows within a gap are told
    apart; beyond the strangest one, where counting ends, it grows by one with each tenfold of the evidence.
    """

    def __init__(self, scale: Scale) -> None:
        self._least = np.array(scale.least)
        self._knots = [
            [_knots(np.asarray(kind), least) for kind, least in zip(m, scale.least, strict=True)] for m in scale.normal
        ]
        self._last = np.array([[at[-1] for at, _ in member] for member in self._knots])
        self.windows = len(scale.normal[0][0])

    def rated(self, evidence: np.ndarray) -> Rated:
        """Evidence `[members, windows, kinds]` of the first members, or of all."""
        logs = np.log10(evidence + self._least)
        kinds = np.maximum(0.0, logs - self._last[: len(logs), None])
        for member, of_member in enumerate(logs):
            for kind, (at, decades) in enumerate(self._knots[member]):
                kinds[member, :, kind] += np.interp(of_member[:, kind], at, decades)
        return Rated(kinds, self.windows)


def _knots(known: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Sorted evidence `[n]` to its distinct logarithms and the decades that each stands for."""
    distinct, first = np.unique(known, return_index=True)
    return np.log10(distinct + least), -np.log10((1 + len(known) - first) / (len(known) + 1))


def further_than(decades: float, windows: int) -> str:
    """In words. Counting ends at the number of windows that were held back: what is beyond them all is said to be just that."""
    seen = 10**decades
    return "any that was held back" if seen > windows else f"all but one in {seen:,.0f}"
