"""The experiment `norm`: LayerNorm or its root mean square alone, before or after each half of a layer."""

from __future__ import annotations

from logsentry.experiments.encoder import fitting
from logsentry.experiments.encoder.asking import Fit, Method
from logsentry.experiments.encoder.grid import Factor
from logsentry.experiments.encoder.study import study
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

NORMS = {"LayerNorm": "layer", "RMSNorm": "rms"}
FACTOR = Factor(
    name="norm",
    question="Which normalisation, and where in a layer?",
    levels=tuple(
        Method(f"{place}-norm, {name}", options={"place": place, "norm": norm})
        for place in ("pre", "post")
        for name, norm in NORMS.items()
    ),
)


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit)
