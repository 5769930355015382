"""How the members' scores become one value.

*Majority*: the value is the k-th largest member score with k = more than half of the members. A member votes for an alert
when its own score reaches the threshold, so "a majority votes for it" and "the value reaches the threshold" are the
same statement, and the value is still a number that can be calibrated. With an even number of members a tie is no
majority; it is told in `votes`. *Mean* is the plain mean. *Majority-early* asks the members in groups and stops when the
rest cannot change the verdict: the verdict is exactly that of the majority, the value a lower bound of its value.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Vote = Literal["majority", "majority-early", "mean"]


def needed(members: int) -> int:
    """Votes that make a majority: 5 of 9, 5 of 8."""
    return members // 2 + 1


def combine(scores: np.ndarray, vote: Vote, members: int) -> np.ndarray:
    """Member scores `[asked, windows]` of an ensemble of `members` to values `[windows]`."""
    if vote == "mean":
        mean: np.ndarray = scores.mean(axis=0)
        return mean
    kth: np.ndarray = np.sort(scores, axis=0)[-needed(members)]
    return kth


def undecided(scores: np.ndarray, threshold: float, members: int) -> np.ndarray:
    """Which windows the members not asked yet could still turn either way: booleans `[windows]`."""
    yes = (scores >= threshold).sum(axis=0)
    left = members - scores.shape[0]
    open_: np.ndarray = (yes < needed(members)) & (yes + left >= needed(members))
    return open_


def told(yes: int, asked: int, members: int) -> str:
    """`7 of 9 members`, with ties and early stops said."""
    text = f"{yes} of {asked} members"
    if asked < members:
        text += f" ({members - asked} not asked)"
    elif 2 * yes == members:
        text += " (tie: no majority)"
    return text
