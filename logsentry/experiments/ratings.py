"""What a trial is asked and what it answers. Running one is for `trial`, keeping it for `trials`, judging it for `measures`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from logsentry.experiments.benchmark import Benchmark
from logsentry.sdk import Progress


class Method(msgspec.Struct, frozen=True):
    """A row of a table: a registered detector with options. `note` says beside the row what sets it apart.

    `options` are the detector's settings, but for `mask_stride` (hide every n-th key while scoring) and `mask_draws` (that many random
    sets of hidden keys vote), which say how it is asked, and `folds`, how often it is trained without another part. No more than `seeds`
    of those asked for are run, the first ones: what is trained many times is dear.
    """

    name: str
    detector: str
    options: dict[str, Any] = {}
    note: str = ""
    seeds: int = 100


class Ratings(msgspec.Struct):
    """How strange one fitted method finds the windows of a benchmark; higher is stranger everywhere.

    `values` are of each distinct test window, in the benchmark's order. `held_back` are of normal training windows that were kept from
    fitting and from every scale, each as often as it came: thresholds come from these alone. `members` and `held_back_members` are
    the same for each member, `[member][window]`, where the method votes. `figures` are such as `seconds_fit` and `loss`.
    """

    values: list[float]
    held_back: list[float]
    members: list[list[float]] | None = None
    held_back_members: list[list[float]] | None = None
    figures: dict[str, float] = {}


Trial = Callable[[Method, Benchmark, int, Progress], Ratings]
"""`trial(method, benchmark, seed, progress)`: the same arguments give the same values."""
