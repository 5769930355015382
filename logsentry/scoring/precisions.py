"""What narrower numbers cost: the AUC and true-positive rates of each precision against torch, on rows with labels.

The training pipeline prints these figures and keeps them in the manifest, so that whoever serves 8 bits knows what they cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from logsentry.errors import TrainingError
from logsentry.scoring.roc import RATES, Roc
from logsentry.scoring.tokens import open_tokens
from logsentry.sdk import Part


def precision_report(
    part: Part,
    files: Mapping[str, bytes],
    rows: Sequence[tuple[int, ...]],
    labels: Sequence[int],
    torch_logits: np.ndarray,
    keys: int,
    weights: Sequence[float] | None = None,
    *,
    threads: int = 1,
) -> dict[str, float]:
    """`auc`, `tpr@0.001` and so on of torch, and of each precision by how much it differs: `int8.auc`, `int8.tpr@0.001`, and
    `int8.logit`, the largest difference of a logit. `torch_logits` are of malice `[rows]`, labels 1 where a row is malicious.

    Raises `TrainingError` where a label is missing, `BundleRefused` where a graph does not answer its probe.
    """
    weight = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)
    malicious = np.asarray(labels) == 1
    if malicious.all() or not malicious.any():
        raise TrainingError("precisions are compared on rows of both labels; one of the two is missing")
    wanted = measures(torch_logits, malicious, weight)
    report = dict(wanted)
    for precision in sorted({graph.precision for graph in part.graphs}):
        judge, _ = open_tokens(part, files, keys, {}, ("cpu",), precision, threads, f"the new {part.name}")
        logits = judge.malice(rows)
        got = measures(logits, malicious, weight)
        report |= {f"{precision}.{name}": round(got[name] - wanted[name], 6) for name in wanted}
        report[f"{precision}.logit"] = round(float(np.abs(logits - torch_logits).max()), 6)
    return report


def measures(logits: np.ndarray, malicious: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """AUC and the true-positive rate at each of `RATES`."""
    found = Roc(logits).measures((weight * ~malicious)[None], (weight * malicious)[None])[0].round(6)
    return dict(zip(["auc", *(f"tpr@{rate:g}" for rate in RATES)], found.tolist(), strict=True))
