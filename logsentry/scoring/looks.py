"""Where a classifier's tokens look: its attention for a few rows, from the graph `encoder.looks.onnx` that a bundle may hold.

A picture of attention is asked for because it is easy to read, not because it explains: a token may be looked at and change nothing
(Jain and Wallace, NAACL 2019). What made a score is told by `occlusion`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from logsentry.scoring.chunks import cut
from logsentry.scoring.onnx_session import OnnxSession
from logsentry.store.onnx_wire import inspect

FILE = "encoder.looks.onnx"


class Look(msgspec.Struct, frozen=True):
    """Tokens of one row at `places` `[tokens]`, and `weights` `[tokens, tokens]`: how much the one in the row looks at that in the column.

    It is the mean over heads and layers; each row sums to 1.
    """

    places: np.ndarray
    weights: np.ndarray

    def part(self, begin: int, end: int) -> Look:
        """A square along the diagonal."""
        return Look(self.places[begin:end], self.weights[begin:end, begin:end])


class Looks:
    """Raises `BundleRefused` where the graph is no plain one."""

    def __init__(self, model: bytes, settings: Mapping[str, int], where: str) -> None:
        inspect(model, where)
        self._session = OnnxSession(model)
        self._chunk, self._most = settings["chunk"], settings["max_length"]
        self._chooses = len(self._session.outputs) > 1

    def of(self, ids: np.ndarray) -> list[Look]:
        """One for each chunk of a row, ids `[length]` without padding at the end; a model without chunks has one for all of it, or for
        the tokens that it chooses."""
        row = ids[: self._most]
        chunks = cut(row[None], self._chunk or max(len(row), 1))
        found = self._session.run(None, {"ids": chunks.ids.astype(np.int64), "place": chunks.places.astype(np.int64)})
        weights: np.ndarray = found[0].mean(axis=0)  # [chunks, c, c]
        if self._chooses:
            return [Look(found[1][0], weights[0])]
        size = chunks.ids.shape[1]
        begins = range(0, max(len(row), 1), size)
        ends = [min(size, len(row) - begin) for begin in begins]
        return [
            Look(np.arange(begin, begin + end), each[:end, :end]) for begin, end, each in zip(begins, ends, weights, strict=True)
        ]
