"""The judges of a bundle and how they vote: windows of key ids in, values, votes and findings out.

A part's value is the vote of its members, in decades of rarity. The value of several parts is the mean of theirs: Fisher's statistic,
the sum of -log p (R. A. Fisher 1932), but for a factor. Its own distribution is not assumed, but calibrated on held-back windows, so the
parts may depend on each other as they like. Where members were trained in folds, that is a fold's value, and `folds` makes one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import msgspec
import numpy as np

from logsentry.errors import BundleRefused
from logsentry.scoring.evidence import Rarity, Rated, Scale
from logsentry.scoring.folds import Folds
from logsentry.scoring.judge import Finding, Graded, Held, Judge
from logsentry.scoring.vote import Vote, combine, told, undecided
from logsentry.text.vocabulary import UNK

T = TypeVar("T")
Ids = tuple[int, ...]
"""The keys of a window."""

DIGITS = 6
"""Decimals that a value keeps: far finer than any verdict needs, coarser than what a batch's size changes."""


class Verdict(msgspec.Struct, frozen=True):
    """What one part, or a whole panel, found of one window. `logit` is that of malice, where one classifier alone was asked."""

    value: float
    votes: str
    findings: tuple[Finding, ...]
    logit: float | None = None


Concluding = Callable[[], list[Verdict]]
"""What is left once the sessions have run: evidence, vote and reasons. May be called in another thread, while the sessions run again."""


class Seat(msgspec.Struct, frozen=True):
    """A judge with the scale that its evidence is put on. It did not see `fold`, nor any key in `lacks`."""

    judge: Judge
    rarity: Rarity
    fold: int = 0
    lacks: tuple[int, ...] = ()

    @classmethod
    def of(cls, judge: Judge, scale: Scale, fold: int = 0, lacks: tuple[int, ...] = ()) -> Seat:
        """Raises `BundleRefused` where the scale is not one of this judge's evidence."""
        shape = (len(scale.normal), len(scale.least))
        if shape != (sum(judge.groups), len(judge.kinds)):
            raise BundleRefused(
                f"the calibration has {shape[0]} members and {shape[1]} kinds of evidence, and the detector has {sum(judge.groups)} and "
                f"{len(judge.kinds)}; train the bundle again"
            )
        return cls(judge, Rarity(scale), fold, lacks)

    @property
    def members(self) -> int:
        return sum(self.judge.groups)

    def ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Held:
        """Keys that its members never saw are unknown to them, and to them alone."""
        return self.judge.ask(np.where(np.isin(ids, self.lacks), UNK, ids) if self.lacks else ids, groups)

    def scores(self, held: Held) -> np.ndarray:
        """`[asked, batch]`."""
        return scores_of(self.rarity.rated(held.evidence))

    def values(self, ids: np.ndarray, vote: Vote) -> np.ndarray:
        """Values alone, `[batch]`, of windows of one length."""
        return combine(self.scores(self.ask(ids)), vote, self.members).round(DIGITS)

    def asked(self, ids: np.ndarray, vote: Vote, threshold: float) -> Concluding:
        """Whoever stops early needs verdicts to know whom to ask next, so nothing is left to conclude."""
        if vote == "majority-early" and len(self.judge.groups) > 1:
            early = self._early(ids, threshold)
            return lambda: early
        return partial(self._conclude, self.ask(ids), vote, threshold)

    def _early(self, ids: np.ndarray, threshold: float) -> list[Verdict]:
        """Ask the vote groups one after another, each only about the windows that are still undecided."""
        groups = len(self.judge.groups)
        decided: dict[int, Verdict] = {}
        left = np.arange(len(ids))
        held = self.ask(ids, _only(0, groups))
        for group in range(1, groups + 1):
            open_ = undecided(self.scores(held), threshold, self.members)
            closed = self._conclude(held.of(~open_), "majority", threshold) if not open_.all() else []
            decided.update(zip(left[~open_].tolist(), closed, strict=True))
            left = left[open_]
            if not len(left):
                break
            held = held.of(open_).joined(self.ask(ids[left], _only(group, groups)))
        return [decided[at] for at in range(len(ids))]

    def _conclude(self, held: Held, vote: Vote, threshold: float) -> list[Verdict]:
        rated = self.rarity.rated(held.evidence)
        scores = scores_of(rated)
        values = combine(scores, vote, self.members).round(DIGITS)
        yes = (scores >= threshold).sum(axis=0)
        why = held.findings(rated)
        votes = [told(int(y), len(scores), self.members) for y in yes]
        logits = held.logits.tolist() if isinstance(held, Graded) else [None] * len(yes)
        return [Verdict(float(v), *told_) for v, *told_ in zip(values, votes, why, logits, strict=True)]


def scores_of(rated: Rated) -> np.ndarray:
    """Rounded before they are held against a threshold, so that votes and value never disagree."""
    return np.round(rated.scores, DIGITS)


class Panel:
    """One or more seats over the same windows; with `folds`, as many panels as there are folds, and one value of all."""

    def __init__(self, seats: Sequence[Seat], batch_tokens: int = 4096, folds: Folds | None = None) -> None:
        self.seats, self._batch_tokens, self._folds = tuple(seats), batch_tokens, folds

    def values(self, windows: Sequence[Ids], vote: Vote) -> np.ndarray:
        """The value of each window, in the same order: `[windows]`."""
        found: dict[Ids, float] = {}
        for ids in batches(list(dict.fromkeys(windows)), self.cost, self._batch_tokens):
            found.update(zip(map(tuple, ids.tolist()), self._values(ids, vote).tolist(), strict=True))
        return np.array([found[window] for window in windows])

    def _values(self, ids: np.ndarray, vote: Vote) -> np.ndarray:
        """Of windows of one length, `[batch]`."""
        judged = [
            np.mean([seat.values(ids, vote) for seat in seats], axis=0).round(DIGITS) for seats in self._by_fold(self.seats)
        ]
        values: np.ndarray = judged[0] if self._folds is None else self._folds.values(judged).round(DIGITS)
        return values

    def asked(self, ids: np.ndarray, vote: Vote, threshold: float) -> Concluding:
        """Verdicts on windows of one length `[batch, length]`. Stopping early would hide from the mean what a part still had to say, so
        only a part alone may."""
        vote = "majority" if vote == "majority-early" and len(self.seats) > 1 else vote
        every = [seat.asked(ids, vote, threshold) for seat in self.seats]
        return lambda: [self._one(each) for each in zip(*(conclude() for conclude in every), strict=True)]

    def _one(self, parts: Sequence[Verdict]) -> Verdict:
        """With folds the one in the middle gives the reasons; its votes were held against a threshold of another scale."""
        folds = [together(some) for some in self._by_fold(parts)]
        if self._folds is None:
            return folds[0]
        value = float(self._folds.values([np.array([fold.value]) for fold in folds])[0].round(DIGITS))
        return Verdict(value, "", sorted(folds, key=lambda fold: fold.value)[len(folds) // 2].findings)

    def _by_fold(self, of_seats: Sequence[T]) -> list[list[T]]:
        """What belongs to the seats of each fold; all in one list where there are none."""
        grouped: dict[int, list[T]] = {}
        for seat, one in zip(self.seats, of_seats, strict=True):
            grouped.setdefault(seat.fold if self._folds else 0, []).append(one)
        return [grouped[fold] for fold in sorted(grouped)]

    def cost(self, length: int) -> int:
        return max(seat.judge.cost(length) for seat in self.seats)

    @property
    def degraded(self) -> bool:
        return any(seat.judge.degraded for seat in self.seats)


def together(parts: Sequence[Verdict]) -> Verdict:
    """The mean of the values; the strangest part speaks first, and the findings of the others follow."""
    if len(parts) == 1:
        return parts[0]
    ordered = sorted(parts, key=lambda part: -part.value)
    return Verdict(
        round(float(np.mean([part.value for part in parts])), DIGITS),
        "; ".join(part.votes for part in parts if part.votes),
        tuple(dict.fromkeys(finding for part in ordered for finding in part.findings)),
    )


def batches(windows: Sequence[Ids], cost: Callable[[int], int], tokens: int) -> Iterator[np.ndarray]:
    """Windows of equal length together, short ones first, as many as the token budget allows: ids `[batch, length]`."""
    for length, same in by_length(windows):
        size = max(1, tokens // cost(length))
        for start in range(0, len(same), size):
            yield np.array(same[start : start + size])


def by_length(windows: Sequence[Ids]) -> Iterator[tuple[int, list[Ids]]]:
    """Windows of each length together, short ones first; within a length in the order given."""
    groups: dict[int, list[Ids]] = {}
    for ids in windows:
        groups.setdefault(len(ids), []).append(ids)
    for length in sorted(groups):
        yield length, groups[length]


def _only(group: int, groups: int) -> list[bool]:
    return [number == group for number in range(groups)]
