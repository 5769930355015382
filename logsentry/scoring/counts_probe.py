"""The probe of a detector of counts: count vectors and the detector's own answers, which the graph that serves must repeat."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np

from logsentry.errors import BundleRefused

TOLERANCE = {"fp32": 1e-3, "fp16": 5e-2}
"""Largest difference from the detector's own answers to the probe, relative to the answer where that is above 1."""


def replay(run: Callable[[np.ndarray], np.ndarray], probe: bytes, keys: int, precision: str, where: str) -> float:
    """Ask the probe's count vectors and compare with the detector's own answers: the largest difference, relative to answers above 1.

    Raises `BundleRefused` where it is more than the precision allows, or the probe is not readable or of other keys.
    """
    try:
        with np.load(io.BytesIO(probe), allow_pickle=False) as data:
            counts, wanted = data["counts"], data["strangeness"]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleRefused(f"{where}: the probe cannot be read: {error}") from error
    if (
        counts.ndim != 2
        or counts.shape[1] != keys
        or counts.dtype != np.float32
        or wanted.shape != counts.shape[:1]
        or not len(counts)
    ):
        raise BundleRefused(f"{where}: the probe holds no count vectors of {keys} keys with an answer each")
    got = run(counts)
    worst = float((np.abs(got - wanted) / np.maximum(np.abs(wanted), 1.0)).max()) if got.shape == wanted.shape else float("inf")
    if not worst <= TOLERANCE.get(precision, 0.0):
        raise BundleRefused(
            f"{where} answers its probe differently here than when it was trained (by {worst:.2e}); it is damaged, or this "
            "onnxruntime computes otherwise"
        )
    return worst
