"""Rows of tokens to logits on onnxruntime: one graph of whole rows, or a graph of chunks and a head with the table between them.

The graphs are described in `logsentry.learn.classifier.graph`. Neither lets a row see another: padding is masked in the graph, and 8-bit
scales are fixed. The probe shows that what serves answers as torch did.
"""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from logsentry.errors import BundleRefused
from logsentry.scoring.chunks import Chunks, cut, pool
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.onnx_session import OnnxSession
from logsentry.text.vocabulary import PAD

POOLINGS = ("mean", "max", "flatten")

TOLERANCE = {"fp32": 1e-4, "fp16": 5e-2, "int8": 1.0}
"""Largest difference of a logit from torch's; what 8 bits do to the order of rows is measured by `precisions`."""

BOUND = 1 << 16
"""Chunks in the table, some 600 bytes each; the staged corpus of 91,096 reports has about as many."""

PADDED_TOKENS = 8192
"""Tokens of rows of unlike lengths in one run of a graph of whole rows."""

Rows = Sequence[Sequence[int]] | np.ndarray


class Answers(Protocol):
    """Either session. Threads may share it: reasons are found beside the next run."""

    degraded: bool

    def logits(self, rows: Rows) -> np.ndarray:
        """Rows of any lengths up to what the model reads, padding where there is none -> float32 `[rows, classes]`, in order."""
        ...


class Whole:
    """One graph; rows of unlike lengths are padded, short ones with short ones."""

    def __init__(self, model: bytes, hardware: Hardware) -> None:
        self._session = OnnxSession(model, hardware)
        self.degraded = self._session.degraded

    def logits(self, rows: Rows) -> np.ndarray:
        if isinstance(rows, np.ndarray):
            return self._run(rows)
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        found: dict[int, np.ndarray] = {}
        while order:
            longest = len(rows[order[-1]])
            few = order[-max(1, PADDED_TOKENS // max(longest, 1)) :]
            del order[-len(few) :]
            found.update(zip(few, self._run(padded([rows[at] for at in few], longest)), strict=True))
        return np.stack([found[at] for at in range(len(rows))])

    def _run(self, ids: np.ndarray) -> np.ndarray:
        logits: np.ndarray = self._session.run(["logits"], {"ids": np.ascontiguousarray(ids, np.int64)}, rows=len(ids))[0]
        return logits


class InChunks:
    """Two graphs and the table; `bound` 0 computes every chunk again."""

    def __init__(self, models: tuple[bytes, bytes], settings: Mapping[str, int], hardware: Hardware, bound: int = BOUND) -> None:
        self._body, self._head = (OnnxSession(model, hardware) for model in models)
        self.degraded = self._body.degraded or self._head.degraded
        self._chunk, self._pooling = settings["chunk"], POOLINGS[settings["pooling"]]
        self._places = settings["max_length"] // settings["chunk"]
        self.table = Chunks(self._summarise, bound)
        self._lock = threading.Lock()

    def logits(self, rows: Rows) -> np.ndarray:
        chunks = cut(rows, self._chunk)
        with self._lock:
            summaries = self.table.summaries(chunks)
        pooled = pool(summaries, chunks, self._pooling)
        logits: np.ndarray = self._head.run(["logits"], {"pooled": pooled}, rows=len(pooled))[0]
        return logits

    def _summarise(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        if (places[1:] >= places[:-1]).all():  # as the chunks of one row are
            return self._run(ids, places)
        order = np.argsort(places, kind="stable")
        summary = self._run(ids[order], places[order])
        found = np.empty_like(summary)
        found[order] = summary
        return found

    def _run(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        counts = np.bincount(places, minlength=self._places)
        summary: np.ndarray = self._body.run(["summary"], {"ids": ids, "place": places, "counts": counts})[0]
        return summary


def padded(rows: Rows, length: int) -> np.ndarray:
    ids = np.full((len(rows), length), PAD, np.int64)
    for row, tokens in zip(ids, rows, strict=True):
        row[: len(tokens)] = tokens
    return ids


def replay(logits: Callable[[np.ndarray], np.ndarray], probe: bytes, classes: int, precision: str, where: str) -> float:
    """Ask the probe's rows and compare with torch's logits: the largest difference.

    Raises `BundleRefused` where it is more than the precision allows, or the probe is not readable or of another shape.
    """
    worst = 0.0
    for ids, wanted in probes(probe, where):
        got = logits(ids)
        if wanted.shape != (len(ids), classes) or got.shape != wanted.shape:
            raise BundleRefused(f"{where} answers its probe with other shapes; it was not made by this program")
        apart = float(np.abs(got - wanted).max())
        worst = max(worst, apart) if np.isfinite(apart) else float("inf")
    if not worst <= TOLERANCE.get(precision, 0.0):
        raise BundleRefused(
            f"{where} answers its probe differently here than when it was trained (a logit by {worst:.2e}); it is damaged, or this "
            "onnxruntime computes otherwise"
        )
    return worst


def probes(probe: bytes, where: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches of ids `[batch, length]` and torch's logits `[batch, classes]`; raises `BundleRefused` where there is none."""
    try:
        with np.load(io.BytesIO(probe), allow_pickle=False) as data:
            count = sum(name.startswith("ids_") for name in data.files)
            found = [(data[f"ids_{number}"], data[f"logits_{number}"]) for number in range(count)]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleRefused(f"{where}: the probe cannot be read: {error}") from error
    if not found or any(ids.ndim != 2 or not ids.size for ids, _ in found):
        raise BundleRefused(f"{where} has no probe, so nothing shows that it answers as it was trained")
    return found
