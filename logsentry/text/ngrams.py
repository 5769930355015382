"""Runs of n keys: which were seen, how often, and how likely a key is after those before it.

Whole batches are looked up at once: a run is one whole number, and the known numbers are sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

SMOOTHING = 0.01
"""Times that each run counts as seen beyond those it was (Lidstone), so that a run never seen has a probability."""

LARGEST = 2**63
"""Runs are numbered in 64 bits: the number of ids to the power of n must stay below."""


def runs(window: Sequence[int], n: int) -> Iterator[tuple[int, ...]]:
    """The n-grams of one window; a window shorter than n has none.

    >>> list(runs([3, 7, 8, 4], 2))
    [(3, 7), (7, 8), (8, 4)]
    """
    return zip(*(window[start:] for start in range(n)), strict=False)


class Grams:
    """`ngrams`, runs of `n` of `keys` ids in ascending order, and how many `times` each was seen."""

    def __init__(self, ngrams: Sequence[Sequence[int]], times: Sequence[int], n: int, keys: int) -> None:
        self._n, self._keys = n, keys
        self._codes = self._numbered(np.array(ngrams, np.int64).reshape(-1, n))[:, 0]
        self._times = np.array(times, np.int64)
        self._contexts, group = np.unique(self._codes // keys, return_inverse=True)
        self._totals = np.bincount(group, self._times, len(self._contexts))

    def unseen(self, ids: np.ndarray) -> np.ndarray:
        """Of windows `[batch, length]` which runs were never seen, `[batch, length - n + 1]`."""
        unseen: np.ndarray = _looked_up(self._numbered(ids), self._codes, self._times) == 0
        return unseen

    def surprise(self, ids: np.ndarray) -> np.ndarray:
        """-log2 of the smoothed probability of each key after the n - 1 before it, `[batch, length - n + 1]`."""
        codes = self._numbered(ids)
        seen = _looked_up(codes, self._codes, self._times) + SMOOTHING
        before = _looked_up(codes // self._keys, self._contexts, self._totals) + SMOOTHING * self._keys
        bits: np.ndarray = np.log2(before / seen)
        return bits

    def after(self, context: Sequence[int], most: int = 3) -> tuple[int, ...]:
        """The keys seen most often after `n - 1` others, the commonest first."""
        code = 0
        for key in context:
            code = code * self._keys + int(key)
        begin, end = np.searchsorted(self._codes, [code * self._keys, (code + 1) * self._keys])
        order = np.argsort(-self._times[begin:end], kind="stable")[:most]
        return tuple((self._codes[begin:end][order] % self._keys).tolist())

    def _numbered(self, ids: np.ndarray) -> np.ndarray:
        """`[batch, length]` to one number a run, `[batch, length - n + 1]`."""
        width = max(0, ids.shape[1] - self._n + 1)
        codes = np.zeros((len(ids), width), np.int64)
        for start in range(self._n):
            codes = codes * self._keys + ids[:, start : start + width]
        return codes


def _looked_up(codes: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The value of each code among the `known`, ascending ones; 0 where it is not among them."""
    if not len(known):
        return np.zeros(codes.shape)
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[place] == codes, values[place], 0)
