"""The judge of LogBERT and its ensembles: hides keys by a fixed pattern and asks each member how likely the true ones are.

Three kinds of evidence: the surprise of all keys together and of a key on average, -log p in nats, and the squared distance to the
centre of the member's hypersphere (Guo et al. 2021, arXiv 2103.04475, section 3.3). The paper counts the keys outside the top-g
candidates (section 3.4); on HDFS surprise told more (docs/measured.md), so ranks serve the reasons alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from logsentry.scoring.evidence import UNSEEN, Rated, choose_top_g, further_than, unseen_last
from logsentry.scoring.judge import Finding, Held, Judge, Kind
from logsentry.scoring.session import Session
from logsentry.text.vocabulary import UNK

MOST = 5
"""Findings kept of one window: the strangest ones."""

KINDS = (Kind("surprise", 0.5), Kind("mean surprise", 0.05), Kind("distance", 1e-5))
DISTANCE = 2  # its place among the kinds
STRIDE = 2


class Answers(msgspec.Struct, frozen=True):
    """Of one batch: ids `[batch, length]`, ranks and surprise `[asked, batch, length]`, distance `[asked, batch]`, expected
    `[batch, length, 3]`. Position 0 is the begin key, which is never masked and says nothing."""

    ids: np.ndarray
    ranks: np.ndarray
    surprise: np.ndarray
    distance: np.ndarray
    expected: np.ndarray
    top_g: int

    @property
    def evidence(self) -> np.ndarray:
        return gather(self.surprise, self.distance)

    def of(self, rows: np.ndarray) -> Answers:
        ranks, surprise, distance = self.ranks[:, rows], self.surprise[:, rows], self.distance[:, rows]
        return Answers(self.ids[rows], ranks, surprise, distance, self.expected[rows], self.top_g)

    def joined(self, more: Held) -> Answers:
        assert isinstance(more, Answers)  # from the same judge
        ranks, surprise = np.concatenate([self.ranks, more.ranks]), np.concatenate([self.surprise, more.surprise])
        distance = np.concatenate([self.distance, more.distance])
        return Answers(self.ids, ranks, surprise, distance, self.expected, self.top_g)

    def findings(self, rated: Rated) -> list[tuple[Finding, ...]]:
        """The positions whose median rank is outside the top-g, strangest first, and the distance where it says more than they do."""
        distance, keys = rated.kinds[:, :, DISTANCE], np.delete(rated.kinds, DISTANCE, axis=2).max(axis=2)
        far = "lies further from the centre of normal windows than "
        of_keys = unexpected_keys(self.ids, self.ranks, self.expected, self.top_g)
        return and_whole(of_keys, outweighing(distance, keys), far, rated.held_back)


class MaskedKeys:
    """Asks one session; `settings` hold the mask `stride`, and the `top_g` that `tune` chose."""

    kinds = KINDS

    def __init__(self, session: Session, keys: int, settings: Mapping[str, int]) -> None:
        self.session, self._keys = session, keys
        self._stride, self._top_g = settings.get("stride", STRIDE), settings.get("top_g", 1)

    @property
    def groups(self) -> tuple[int, ...]:
        return self.session.groups

    @property
    def degraded(self) -> bool:
        return self.session.degraded

    def cost(self, length: int) -> int:
        return length * min(self._stride, length)

    def tune(self, normal: Sequence[np.ndarray]) -> dict[str, int]:
        """The stride stays; top-g is the least that holds 95 % of the known keys of normal windows."""
        ranks = [self.ask(ids).ranks for ids in normal]
        return {"stride": self._stride, "top_g": choose_top_g(normal, ranks)}

    def ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Answers:
        ranks, surprise, distance, expected = self.session.run(ids, self._stride, groups)
        surprise = np.where(ids == UNK, np.maximum(surprise, UNSEEN), surprise)
        return Answers(ids, unseen_last(ids, ranks, self._keys), surprise, distance, expected, self._top_g)


def gather(surprise: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Surprise `[members, windows, length]` and distances `[members, windows]` to evidence `[members, windows, kinds]`."""
    asked = surprise[:, :, 1:].astype(np.float64)
    return np.stack([asked.sum(axis=2), asked.mean(axis=2), distance.astype(np.float64)], axis=2)


def outweighing(whole: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """`[batch]`: the median rarity of a window as a whole where it exceeds that of its keys, and is worth a word, else 0.

    Both in decades `[members, batch]`.
    """
    of_whole, of_keys = np.median(whole, axis=0), np.median(keys, axis=0)
    found: np.ndarray = np.where((of_whole > of_keys) & (of_whole >= 1.0), of_whole, 0.0)
    return found


def and_whole(of_keys: Sequence[list[Finding]], whole: np.ndarray, said: str, held_back: int) -> list[tuple[Finding, ...]]:
    """Behind what each window's keys gave, what is said of it as a whole where `whole` `[batch]`, decades, is not 0."""
    of_whole = [[Finding(-1, said=said + further_than(rare, held_back))] if rare > 0 else [] for rare in whole.tolist()]
    return [(*keys, *more) for keys, more in zip(of_keys, of_whole, strict=True)]


def unexpected_keys(ids: np.ndarray, ranks: np.ndarray, expected: np.ndarray, top_g: int) -> list[list[Finding]]:
    """Of each window: ids `[batch, length]`, ranks `[members, batch, length]`, expected `[batch, length, 3]`."""
    return [unexpected(*window, top_g) for window in zip(ids, np.median(ranks, axis=0), expected, strict=True)]


def unexpected(ids: np.ndarray, ranks: np.ndarray, expected: np.ndarray, top_g: int) -> list[Finding]:
    """The positions of one window whose rank is outside the top-g: ids, ranks `[length]`, expected `[length, 3]`."""
    strange = [int(at) for at in np.argsort(-ranks[1:], kind="stable") + 1 if ranks[at] >= top_g]
    return [Finding(at, int(ranks[at]), int(ids[at]), _instead(ids[at], expected[at])) for at in strange[:MOST]]


def _instead(key: int, expected: np.ndarray) -> tuple[int, ...]:
    return tuple(int(other) for other in expected if other not in (key, UNK))


_: type[Judge] = MaskedKeys
