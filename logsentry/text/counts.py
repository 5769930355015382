"""Windows as count vectors: how often each key occurs, the order forgotten.

The ids that stand for no event (padding, begin and end of a session) are not counted; unknown events are, under `UNK`'s id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from logsentry.errors import UsageError
from logsentry.text.vocabulary import BEGIN, END, MASK, PAD

NOT_COUNTED = (PAD, MASK, BEGIN, END)


class Distinct(NamedTuple):
    """Distinct count vectors `[vectors, keys]`, the commonest first, and how many windows have each, `[vectors]`."""

    vectors: np.ndarray
    weights: np.ndarray


def count(ids: np.ndarray, keys: int) -> np.ndarray:
    """Windows of one length `[batch, length]` to counts `[batch, keys]`, float32.

    Raises `UsageError` where an id is not among the `keys` ids.
    """
    batch = len(ids)
    if ids.size and (ids.min() < 0 or ids.max() >= keys):
        raise UsageError(
            f"a window holds the key {ids.max() if ids.min() >= 0 else ids.min()}, and the detector knows {keys} ids"
        )
    cells = (ids + keys * np.arange(batch)[:, None]).ravel()
    counted = np.bincount(cells, minlength=batch * keys).reshape(batch, keys).astype(np.float32)
    counted[:, NOT_COUNTED] = 0
    return counted


def distinct(windows: Sequence[Sequence[int]], keys: int) -> Distinct:
    """The count vectors of windows of any lengths; equal windows in any order give equal arrays.

    Raises `UsageError` where an id is not among the `keys` ids.
    """
    times = Counter(tuple(sorted(window)) for window in windows)
    merged: Counter[bytes] = Counter()
    for window, number in times.items():  # two windows may differ in ids that are not counted
        merged[count(np.array([window], np.int64), keys).tobytes()] += number
    ordered = sorted(merged.items(), key=lambda item: (-item[1], item[0]))
    vectors = np.frombuffer(b"".join(vector for vector, _ in ordered), np.float32).reshape(-1, keys)
    return Distinct(vectors, np.array([number for _, number in ordered], np.int64))


def medians(counted: Distinct) -> np.ndarray:
    """The lower median of each key's count over all windows, `[keys]`: what half of them do not exceed."""
    half = counted.weights.sum() / 2
    order = np.argsort(counted.vectors, axis=0, kind="stable")
    reached = np.cumsum(counted.weights[order], axis=0) >= half
    rows = np.take_along_axis(order, reached.argmax(axis=0)[None], axis=0)
    middle: np.ndarray = np.take_along_axis(counted.vectors, rows, axis=0)[0]
    return middle
