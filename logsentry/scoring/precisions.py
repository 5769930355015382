"""What narrower numbers cost: AUC, true-positive rates and logits of each precision against torch, on rows with labels.

The training pipeline prints these figures and keeps them in the manifest, so that whoever serves 8 bits knows what they cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from logsentry.errors import TrainingError
from logsentry.scoring.roc import RATES, Roc


def precision_report(
    torch_logits: np.ndarray, logits: Mapping[str, np.ndarray], benign: Sequence[int], malicious: Sequence[int]
) -> dict[str, float]:
    """`auc_torch`, `tpr_at_0.001_torch` and so on, and by how much each precision differs: `auc_int8_minus_torch`, and
    `logit_int8_furthest_from_torch`, the largest difference of a logit.

    Logits are of malice, `[rows]`, of rows that came so often with each label. Raises `TrainingError` where a label is missing.
    """
    weights = np.asarray(benign, np.float64), np.asarray(malicious, np.float64)
    if not (weights[0].any() and weights[1].any()):
        raise TrainingError("precisions are compared on rows of both labels; one of the two is missing")
    wanted = measures(torch_logits, *weights)
    report = {f"{name}_torch": value for name, value in wanted.items()}
    for precision, asked in sorted(logits.items()):
        got = measures(asked, *weights)
        report |= {f"{name}_{precision}_minus_torch": got[name] - wanted[name] for name in wanted}
        report[f"logit_{precision}_furthest_from_torch"] = float(np.abs(asked - torch_logits).max())
    return {name: round(value, 6) for name, value in report.items()}


def measures(logits: np.ndarray, benign: np.ndarray, malicious: np.ndarray) -> dict[str, float]:
    """AUC and the true-positive rate at each of `RATES`."""
    found = Roc(logits).measures(benign[None], malicious[None])[0]
    return dict(zip(["auc", *(f"tpr_at_{rate:g}" for rate in RATES)], found.tolist(), strict=True))


def differences(metrics: Mapping[str, float]) -> list[str]:
    """What `train` says of them: AUC and the rate at 1e-3 of each precision, beside torch."""
    ends = "_minus_torch"
    told = []
    for name in sorted(name for name in metrics if name.startswith("auc_") and name.endswith(ends)):
        precision = name.removeprefix("auc_").removesuffix(ends)
        rate, far = metrics[f"tpr_at_0.001_{precision}{ends}"], metrics[f"logit_{precision}_furthest_from_torch"]
        told.append(
            f"{precision} against torch: AUC {metrics[name]:+.5f}, true-positive rate at 1e-3 {rate:+.5f}, logits within {far:.4f}"
        )
    return told
