"""Contexts of windows: what a next-key model reads before it says which key comes next.

Numpy only, since both training and scoring cut contexts, and may not import each other. Rows are made once for each distinct
context: log sessions repeat themselves so much that this is most of the work saved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from logsentry.text.vocabulary import PAD

_ROOM = 1 << 62  # codes stay below it, so that an int64 holds them


class Distinct(NamedTuple):
    """The distinct rows `[D, columns]` in sorted order, which of them each row is `[rows]`, and how often each came `[D]`."""

    rows: np.ndarray
    inverse: np.ndarray
    counts: np.ndarray


def contexts(ids: np.ndarray, history: int) -> np.ndarray:
    """Windows of one length `[batch, length]` to rows `[batch * (length - 1), history + 1]`: the context, then the key that came.

    Every key after the first is predicted, END too, from the `history` ids before it, BEGIN being one of them; a shorter history has
    PAD in front. The rows of a window follow each other in its order.
    """
    front = np.full((len(ids), history - 1), PAD, ids.dtype)
    cut = np.lib.stride_tricks.sliding_window_view(np.concatenate([front, ids], axis=1), history + 1, axis=1)
    return cut.reshape(-1, history + 1)


def contexts_of(windows: Sequence[Sequence[int]], history: int) -> np.ndarray:
    """The same of windows of any lengths, `[rows, history + 1]`, the shortest windows first."""
    by_length: dict[int, list[Sequence[int]]] = defaultdict(list)
    for window in windows:
        by_length[len(window)].append(window)
    cut = [contexts(np.array(by_length[length], dtype=np.int64), history) for length in sorted(by_length)]
    return np.concatenate([np.empty((0, history + 1), np.int64), *cut])


def distinct(rows: np.ndarray) -> Distinct:
    """What `np.unique` over rows answers, for rows `[rows, columns]` of ids not below 0, some thirty times as fast.

    A row is read as the digits of one number; where that grows too large, the numbers so far are replaced by their places in order.
    """
    if not len(rows):
        return Distinct(rows, np.empty(0, np.intp), np.empty(0, np.intp))
    base = int(rows.max()) + 1
    codes, bound = rows[:, 0].astype(np.int64), base
    for column in rows.T[1:]:
        if bound * base >= _ROOM:
            seen, codes = np.unique(codes, return_inverse=True)
            bound = len(seen)
        codes, bound = codes * base + column, bound * base
    _, first, inverse, counts = np.unique(codes, return_index=True, return_inverse=True, return_counts=True)
    return Distinct(rows[first], inverse, counts)
