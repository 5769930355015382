"""What every baseline is fitted on: the distinct count vectors of the training windows, weighted by how many windows have each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from logsentry.errors import TrainingError, UsageError
from logsentry.text.counts import Distinct, distinct
from logsentry.text.vocabulary import UNK

LEAST = 2
"""Windows that a detector needs at the very least."""

LONGEST = 65_536
"""Events and two, of the longest window that is counted: it costs time only, no memory that was set aside."""


def familiar(windows: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
    """The windows whose events are all known; all of them where fewer than `LEAST` are.

    An event that came once in training has no key of its own, and is unknown like those that never came. Learned from, such
    windows would make unknown events ordinary: a session of nothing else would be like any other (decision 006).
    """
    known = [window for window in windows if UNK not in window]
    return known if len(known) >= LEAST else windows


def observed(windows: Sequence[Sequence[int]], keys: int) -> Distinct:
    """The distinct count vectors of the familiar windows; raises `TrainingError` for too few windows, too long ones and ids out
    of range."""
    if len(windows) < LEAST:
        raise TrainingError(f"{len(windows)} training windows are too few, it takes at least {LEAST}; give more logs")
    if max(map(len, windows)) > LONGEST:
        raise TrainingError(f"a training window has more than {LONGEST - 2:,} events; set a rule that closes windows earlier")
    try:
        return distinct(familiar(windows), keys)
    except UsageError as error:
        raise TrainingError(f"the training windows do not fit their vocabulary: {error}") from error


def drawn(counted: Distinct, most: int, seed: int) -> np.ndarray:
    """Vectors one a window, `[windows, keys]`; where there are more than `most` windows, that many drawn by weight."""
    total = int(counted.weights.sum())
    if total <= most:
        return np.repeat(counted.vectors, counted.weights, axis=0)
    rows = np.random.default_rng(seed).choice(len(counted.weights), most, p=counted.weights / total)
    return counted.vectors[np.sort(rows)]
