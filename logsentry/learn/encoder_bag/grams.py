"""Which n-grams a bag knows: those that enough distinct training rows hold, each in a hash bucket of its own.

An n-gram is a number below 2^31 made of its tokens and of its reading. Two readings never share one. Of two n-grams in one bucket the rarer
one is let go, and among 2^31 numbers two n-grams of a corpus of millions hardly ever meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from logsentry.errors import TrainingError

BASE, PRIME = 1_000_003, 2_147_483_647
FULL, QUIET = 1, 2
"""With which number the code of an n-gram begins, by its reading."""

Codes = NDArray[np.int64]


class Grams(NamedTuple):
    """`owner` and `code` say of each bucket which n-gram has it (0: none) and its number, [buckets]; `rarity` what each n-gram weighs, at
    most 1, [n-grams + 1], where the first is nobody's. `full` and `quiet` are the longest runs of each reading, in tokens."""

    owner: NDArray[np.int32]
    code: NDArray[np.int64]
    rarity: NDArray[np.float32]
    full: int
    quiet: int


class Limits(NamedTuple):
    """Longest runs of each reading, the fewest distinct rows that an n-gram must be in, how many are kept at most, and buckets."""

    full: int = 3
    quiet: int = 4
    least: int = 3
    most: int = 40_000
    buckets: int = 1 << 18


class Held(NamedTuple):
    """The n-grams of rows behind each other: `numbers` of all rows, where each row starts `[rows]`, and the worth of each number."""

    numbers: Codes
    starts: Codes
    worth: NDArray[np.float32]

    def of(self, rows: Codes) -> Held:
        ends = np.append(self.starts[1:], len(self.numbers))
        sizes = (ends - self.starts)[rows]
        starts = np.cumsum(sizes) - sizes
        at = np.arange(int(sizes.sum())) - np.repeat(starts, sizes) + np.repeat(self.starts[rows], sizes)
        return Held(self.numbers[at], starts, self.worth[at])


def learn(rows: Sequence[Sequence[int]], bare: NDArray[np.bool_], limits: Limits) -> Grams:
    """Over distinct rows; raises `TrainingError` where no n-gram is in enough of them."""
    every = np.concatenate([np.unique(codes(row, bare, limits.full, limits.quiet)) for row in rows])
    code, rows_with = np.unique(every, return_counts=True)
    often = np.flatnonzero(rows_with >= limits.least)
    order = often[np.lexsort((code[often], -rows_with[often]))]
    _, first = np.unique(code[order] % limits.buckets, return_index=True)  # the commonest of each bucket
    kept = order[np.sort(first)][: limits.most]
    if not len(kept):
        raise TrainingError(
            f"no run of tokens is in {limits.least} of the {len(rows)} distinct rows; give more rows, or lower least"
        )
    owner, owned = np.zeros(limits.buckets, np.int32), np.full(limits.buckets, -1, np.int64)
    owner[code[kept] % limits.buckets] = np.arange(1, len(kept) + 1)
    owned[code[kept] % limits.buckets] = code[kept]
    rarity = np.log((1 + len(rows)) / (1 + rows_with[kept])) + 1
    weighed = np.append(0.0, rarity / rarity.max()).astype(np.float32)
    return Grams(owner, owned, weighed, limits.full, limits.quiet)


def held(rows: Sequence[Sequence[int]], bare: NDArray[np.bool_], grams: Grams) -> Held:
    """What `bag.Bag.held` answers, sparse: the known n-grams of each row, each once."""
    numbers, worths = [], []
    for row in rows:
        found = np.unique(codes(row, bare, grams.full, grams.quiet))
        bucket = found % len(grams.owner)
        known = grams.owner[bucket[grams.code[bucket] == found]].astype(np.int64)
        worth = grams.rarity[known]
        numbers.append(known)
        worths.append(worth / max(float(np.sqrt(np.square(worth).sum())), 1e-6))
    sizes = np.array([len(known) for known in numbers])
    return Held(np.concatenate(numbers), np.cumsum(sizes) - sizes, np.concatenate(worths))


def codes(row: Sequence[int], bare: NDArray[np.bool_], full: int, quiet: int) -> Codes:
    """The numbers of all n-grams of a row without padding, in both readings, repeats included."""
    ids = np.asarray(row, dtype=np.int64)
    return np.concatenate([*_runs(ids, full, FULL), *_runs(ids[~bare[ids]], quiet, QUIET), np.zeros(0, np.int64)])


def _runs(ids: Codes, longest: int, begin: int) -> Iterator[Codes]:
    code: NDArray[Any] = np.full(len(ids), begin, np.int64)
    for run in range(min(longest, len(ids))):
        code = (code[: len(ids) - run] * BASE + ids[run:]) % PRIME
        yield code
