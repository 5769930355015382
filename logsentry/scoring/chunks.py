"""Distinct chunks once: rows of tokens are cut into chunks, and what a chunk adds to its row is computed once for each place.

In chunked attention a chunk sees its own tokens and its place in the row, and nothing else, so its summary may be kept: the same
chunk at the same place in any row has the same one. Rows are pooled here, in numpy and in the order of their chunks, so that a
table that is full, empty or absent changes no bit of a verdict. What the summaries mean is for `logsentry.learn.classifier.export`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from logsentry.text.vocabulary import PAD

RUN = 16
"""Chunks in one run of the graph: what they compute stays in the cache. In 8 bits runs of 64 took a quarter longer, runs of 8 a tenth."""

Summarise = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(ids int64 [n, chunk], place int64 [n]) -> summaries float32 [n, features]."""


class Cut(msgspec.Struct, frozen=True):
    """Rows in chunks: ids `[chunks, chunk]` of all rows behind each other, their places `[chunks]`, where each row starts `[rows]`,
    and how many tokens it has `[rows]`."""

    ids: np.ndarray
    places: np.ndarray
    starts: np.ndarray
    tokens: np.ndarray


def cut(rows: Sequence[Sequence[int]] | np.ndarray, chunk: int) -> Cut:
    """Cut rows of any lengths; the last chunk of a row is filled with `PAD`, and a row has one chunk at least."""
    lengths = np.fromiter((len(row) for row in rows), np.intp, len(rows))
    counts = np.maximum(1, -(-lengths // chunk))
    starts = np.cumsum(counts) - counts
    ids = np.full((int(counts.sum()), chunk), PAD, np.int32)
    flat = ids.reshape(-1)
    for row, start in zip(rows, (starts * chunk).tolist(), strict=True):
        flat[start : start + len(row)] = row
    places = np.arange(len(ids)) - np.repeat(starts, counts)
    tokens = np.add.reduceat((ids != PAD).sum(axis=1), starts) if len(rows) else np.zeros(0, np.intp)
    return Cut(ids, places, starts, tokens)


def pool(summaries: np.ndarray, of: Cut, pooling: str) -> np.ndarray:
    """Summaries of chunks `[chunks, features]` to one a row, `[rows, features]`, float32.

    `mean` divides the sum by the number of tokens, `max` takes the greatest, `flatten` the sum of what each place adds.
    """
    if pooling == "max":
        greatest: np.ndarray = np.maximum.reduceat(summaries, of.starts, axis=0)
        return greatest
    total: np.ndarray = np.add.reduceat(summaries, of.starts, axis=0)
    return total / np.maximum(of.tokens, 1).astype(np.float32)[:, None] if pooling == "mean" else total


class Chunks:
    """The bounded table. `asked` counts chunks, `run` those that the graph computed; a bound of 0 keeps nothing between two calls."""

    def __init__(self, summarise: Summarise, bound: int) -> None:
        self._summarise, self._bound = summarise, bound
        self._places: dict[bytes, int] = {}
        self._kept: np.ndarray | None = None
        self.asked = self.run = 0

    def summaries(self, of: Cut) -> np.ndarray:
        """Of every chunk, `[chunks, features]`: those met before from the table, the others computed once each."""
        self.asked += len(of.ids)
        if not self._bound:
            return self._compute(of.ids, of.places)
        names = _names(of)
        if len(names) > self._bound:
            return self._once(names, of)
        new = [name for name in dict.fromkeys(names) if name not in self._places]
        if (
            len(self._places) + len(new) > self._bound
        ):  # it starts anew: the books of who was used last would cost more than they save
            self._places.clear()
            new = list(dict.fromkeys(names))
        self._keep(new, of, names)
        assert self._kept is not None
        found: np.ndarray = self._kept[[self._places[name] for name in names]]
        return found

    def _keep(self, new: list[bytes], of: Cut, names: list[bytes]) -> None:
        if not new:
            return
        first = _first(names)
        at = [first[name] for name in new]
        computed = self._compute(of.ids[at], of.places[at])
        if self._kept is None:
            self._kept = np.empty((self._bound, computed.shape[1]), np.float32)
        begin = len(self._places)
        self._kept[begin : begin + len(new)] = computed
        self._places.update((name, begin + number) for number, name in enumerate(new))

    def _once(self, names: list[bytes], of: Cut) -> np.ndarray:
        """More chunks at once than the table holds: each distinct one once, and none is kept."""
        first = _first(names)
        number = {name: place for place, name in enumerate(first)}
        at = list(first.values())
        found: np.ndarray = self._compute(of.ids[at], of.places[at])[[number[name] for name in names]]
        return found

    def _compute(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        self.run += len(ids)
        wide, at = ids.astype(np.int64), places.astype(np.int64)
        parts = [self._summarise(wide[start : start + RUN], at[start : start + RUN]) for start in range(0, len(ids), RUN)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _names(of: Cut) -> list[bytes]:
    """A chunk with its place, as bytes."""
    whole = np.concatenate([of.places[:, None].astype(np.int32), of.ids], axis=1)
    names: list[bytes] = np.ascontiguousarray(whole).view(f"V{4 * whole.shape[1]}").ravel().tolist()
    return names


def _first(names: list[bytes]) -> dict[bytes, int]:
    """Where each distinct name stands first, in order of that."""
    first: dict[bytes, int] = {}
    for at, name in enumerate(names):
        first.setdefault(name, at)
    return first
