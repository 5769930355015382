"""How an ensemble of any size would have voted, from what each of its 25 members said: four ways to vote, each without a test label.

`own bars`: each member votes against its own held-back threshold, and more than half must agree: what the literature calls the
majority vote. With an even number a tie is no majority; `own bars, a tie is an alarm` lets it be one. `majority value`: the value is
the k-th largest of the members (k more than half of them), with a threshold from held-back values of that same combination. `mean
value`: the mean instead, the soft vote.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from logsentry.experiments.measures import Flags, Floats, alarms
from logsentry.scoring.vote import combine, needed

OWN, TIES, MAJORITY, MEAN = "own bars", "own bars, a tie is an alarm", "majority value", "mean value"
DRAWS = 25
"""Ensembles of each size that are drawn from the members, a seed."""
Voted = Callable[[Floats, Floats, float], Flags]


def own_bars(members: Floats, held_back: Floats, share: float) -> Flags:
    """Values `[members, windows]`, of held-back windows `[members, held back]`: alarms `[windows]`."""
    return _yes(members, held_back, share) >= needed(len(members))


def ties_alarm(members: Floats, held_back: Floats, share: float) -> Flags:
    return 2 * _yes(members, held_back, share) >= len(members)


def _yes(members: Floats, held_back: Floats, share: float) -> NDArray[np.int64]:
    votes = [alarms(values, normal, share) for values, normal in zip(members, held_back, strict=True)]
    yes: NDArray[np.int64] = np.sum(votes, axis=0)
    return yes


def majority_value(members: Floats, held_back: Floats, share: float) -> Flags:
    count = len(members)
    return alarms(combine(members, "majority", count), combine(held_back, "majority", count), share)


def mean_value(members: Floats, held_back: Floats, share: float) -> Flags:
    return alarms(members.mean(axis=0), held_back.mean(axis=0), share)


WAYS: dict[str, Voted] = {OWN: own_bars, TIES: ties_alarm, MAJORITY: majority_value, MEAN: mean_value}


def needed_share(members: int) -> float:
    """The share of members that must agree: 1 of 1, 2 of 2, 2 of 3, 3 of 4."""
    return needed(members) / members


def subsets(members: int, size: int, draws: int, seed: int) -> list[list[int]]:
    """Distinct sets of `size` of the `members`, drawn evenly, at most `draws`; all of them where there are no more than that."""
    draw = np.random.default_rng([seed, size])
    if size == members:
        return [list(range(members))]
    if size == 1 and members <= draws:
        return [[member] for member in range(members)]
    found = {tuple(sorted(draw.choice(members, size, replace=False).tolist())) for _ in range(draws)}
    return [list(one) for one in sorted(found)]
