"""One onnxruntime session over a next-key graph, and the proof that it answers as torch did.

The graph and the probe are described in `logsentry.learn.next_key.export`.
"""

from __future__ import annotations

import io
import zipfile
from typing import NamedTuple

import numpy as np

from logsentry.errors import BundleRefused
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.onnx_session import OnnxSession
from logsentry.sdk import Graph

ROWS = 2048
"""Contexts in one run; it bounds memory, and larger runs are no faster."""

TOLERANCE = 1e-3
"""Nats by which the surprise of a key may differ from torch's; surprises run to about 20, and a GPU rounds products to 10 bits."""


class Said(NamedTuple):
    """Of each row: how many keys are likelier than the true one, its -log probability, and the three likeliest keys."""

    rank: np.ndarray  # int32 [rows]
    surprise: np.ndarray  # float32 [rows]
    expected: np.ndarray  # int64 [rows, 3]


class NextKeySession:
    """Runs contexts through a graph."""

    def __init__(self, model: bytes, graph: Graph, hardware: Hardware | None = None) -> None:
        self.graph = graph
        self._session = OnnxSession(model, hardware)
        self.degraded = self._session.degraded

    def run(self, rows: np.ndarray) -> Said:
        """Rows int64 `[rows, history + 1]`: contexts with the true key last."""
        parts = [self._part(rows[at : at + ROWS]) for at in range(0, max(len(rows), 1), ROWS)]
        return Said(*(np.concatenate(answers) for answers in zip(*parts, strict=True)))

    def _part(self, rows: np.ndarray) -> Said:
        if not len(rows):  # an LSTM of no rows is an error in some execution providers
            return Said(np.empty(0, np.int32), np.empty(0, np.float32), np.empty((0, 3), np.int64))
        feeds = {"context": np.ascontiguousarray(rows[:, :-1], np.int64), "truth": np.ascontiguousarray(rows[:, -1], np.int64)}
        return Said(*self._session.run(["rank", "surprise", "expected"], feeds, rows=len(rows)))


def replay_next_key(session: NextKeySession, probe: bytes, where: str) -> float:
    """Run the probe's contexts and compare with the answers that torch gave; the largest difference of a surprise, nats.

    Raises `BundleRefused` where there is no probe, a rank differs beyond a tie, or a surprise by more than `TOLERANCE`.
    """
    asked = read_probe(probe, where)
    got = session.run(np.concatenate([asked["context"], asked["truth"][:, None]], axis=1))
    worst = float(np.abs(got.surprise - asked["surprise"]).max())
    off = np.abs(got.rank - asked["rank"]) > asked["ties"]
    if not worst <= TOLERANCE or off.any():  # a surprise that is no number is not within it either
        raise BundleRefused(
            f"{where} answers its probe differently here than when it was trained (a surprise by {worst:.2e} nats, {off.mean():.1%} of "
            "the ranks); it is damaged, or this onnxruntime computes otherwise"
        )
    return worst


def read_probe(probe: bytes, where: str) -> dict[str, np.ndarray]:
    """The arrays of a probe file; raises `BundleRefused` where there is none or they do not belong together."""
    if not probe:
        raise BundleRefused(f"{where} has no probe, so nothing shows that it answers as it was trained")
    try:
        with np.load(io.BytesIO(probe), allow_pickle=False) as data:
            found = {name: data[name] for name in ("context", "truth", "rank", "surprise", "ties")}
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleRefused(f"{where}: the probe cannot be read: {error}") from error
    rows = found["context"].shape[:1]
    if found["context"].ndim != 2 or rows == (0,) or any(found[name].shape != rows for name in found if name != "context"):
        raise BundleRefused(f"{where}: the probe's arrays do not belong together; the bundle was not made by this program")
    return found
