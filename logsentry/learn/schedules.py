"""Learning-rate schedules: which share of the highest rate holds after which share of the budget.

They know neither steps nor seconds. Whoever trains says how much of its budget is used, whichever limit is nearest, so that a run
of five minutes and one of a thousand steps follow the same curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

Name = Literal["none", "step", "one-cycle", "cosine", "triangular"]

STEPS, FALL = 4, 0.5
"""`step` halves the rate after each quarter of its way."""

FIRST = 1 / 25
"""Where `one-cycle` begins, as a share of the highest rate (Smith and Topin 2018; torch's `OneCycleLR` has the same default)."""


def rate(name: Name, share: float, warm_up: float, cool_down: float) -> float:
    """The share, 0 to 1, of the highest learning rate after `share`, 0 to 1, of the budget.

    `warm_up` and `cool_down` are shares of the budget that together leave some over. In the first the rate rises: straight, for
    `one-cycle` along a cosine from a twenty-fifth. In the last it falls straight to 0 from where the curve in between has come;
    `one-cycle`, `cosine` and `triangular` have come to 0 by then and stay there. `none` is the highest rate throughout, whatever
    the other two.
    """
    share = min(max(share, 0.0), 1.0)
    if name == "none":
        return 1.0
    if share < warm_up:
        risen = share / warm_up
        return FIRST + (1 - FIRST) * rise(risen) if name == "one-cycle" else risen
    way = min((share - warm_up) / max(1 - warm_up - cool_down, 1e-9), 1.0)
    left = min((1 - share) / cool_down, 1.0) if cool_down else 1.0
    return SHAPES[name](way) * left


def rise(way: float) -> float:
    """Half a cosine from 0 to 1."""
    return 0.5 * (1 - math.cos(math.pi * way))


SHAPES: dict[str, Callable[[float], float]] = {
    "step": lambda way: FALL ** min(int(way * STEPS), STEPS - 1),
    "one-cycle": lambda way: 1 - rise(way),
    "cosine": lambda way: 1 - rise(way),
    "triangular": lambda way: 1 - way,
}
