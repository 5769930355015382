"""What held-back rows with labels say of the graphs that will serve: how they differ from torch, and what their logits are worth.

Both are asked of the sealed graphs themselves. The probabilities are kept beside the calibration, one file a precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from logsentry.pipeline.labelled_figures import Held
from logsentry.pipeline.rating import AnswersItself
from logsentry.scoring.precisions import precision_report
from logsentry.scoring.probability import Probability, file_of
from logsentry.scoring.probability_fit import fit

Logits = Mapping[str, NDArray[np.float64]]
"""Of each precision: logits of malice of each distinct held-back row."""


def against_torch(detector: object, held: Held, logits: Logits) -> dict[str, float]:
    """How each precision differs from the model that was trained; nothing where the detector does not answer by itself."""
    if not isinstance(detector, AnswersItself):
        return {}
    return precision_report(detector.malice(held.rows), logits, held.benign, held.malicious)


def write_probabilities(folder: Path, held: Held, logits: Logits) -> Probability:
    """Fit and write those of each precision, and answer those of fp32. Copies of a row stay on one side of every split."""
    found = {precision: probabilities(held, values) for precision, values in logits.items()}
    for precision, probability in found.items():
        (folder / file_of(precision)).write_bytes(probability.to_bytes())
    return found["fp32"]


def probabilities(held: Held, logits: NDArray[np.float64]) -> Probability:
    """From logits of distinct rows, each counted as often as it came with each label."""
    times = np.array([held.benign, held.malicious])  # [2, rows]
    row = np.concatenate([np.repeat(np.arange(len(logits)), often) for often in times])
    label = np.repeat([0, 1], times.sum(axis=1))
    return fit(logits[row], label, row.tolist())
