"""Folds by distinct sequence, so that no input is on both sides of a split: a split of rows would put copies of most on both."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from logsentry.experiments.encoder.reports_data import Reports

FOLDS = 3
SEED = 1763
"""The seed of the paper's folds; theirs are of rows, so the folds are not the same."""


def folds_of(reports: Reports, count: int = FOLDS, seed: int = SEED) -> NDArray[np.int64]:
    """The fold of each distinct sequence, `[distinct]`, with about as many rows of each family in every fold.

    A few sequences came thousands of times, so they are dealt by falling number of rows, each to the fold that has fewest rows of
    its family; among equals chance decides.
    """
    family, rows = _main_family(reports), np.bincount(reports.place, minlength=len(reports.ids))
    shuffled = np.random.default_rng(seed).permutation(len(reports.ids))
    held: dict[str, list[int]] = {}
    found = np.zeros(len(reports.ids), dtype=np.int64)
    for number in sorted(shuffled.tolist(), key=lambda i: -rows[i]):
        so_far = held.setdefault(family[number], [0] * count)
        fold = so_far.index(min(so_far))
        found[number] = fold
        so_far[fold] += int(rows[number])
    return found


def _main_family(reports: Reports) -> list[str]:
    """The family that most rows of each distinct sequence have."""
    counted = [Counter[str]() for _ in reports.ids]
    for place, family in zip(reports.place.tolist(), reports.family, strict=True):
        counted[place][family] += 1
    return [min(each, key=lambda name: (-each[name], name)) for each in counted]
