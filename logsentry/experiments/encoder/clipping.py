"""The experiment `clipping`: the largest norm that a gradient may have."""

from __future__ import annotations

from logsentry.experiments.encoder import fitting
from logsentry.experiments.encoder.asking import Fit, Method
from logsentry.experiments.encoder.grid import Factor
from logsentry.experiments.encoder.study import study
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

NORMS = (0.0, 0.1, 0.25, 0.5, 1.0)
FACTOR = Factor(
    name="clipping",
    question="Does it help to clip gradients, and at which norm?",
    levels=tuple(Method(f"norm {norm:g}" if norm else "no clipping", options={"clip": norm}) for norm in NORMS),
)


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit)
