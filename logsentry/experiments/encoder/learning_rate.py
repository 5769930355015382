"""The experiment `learning-rate`: AdamW's highest rate from 0.003 to 0.0001, under the default schedule."""

from __future__ import annotations

from logsentry.experiments.encoder import fitting
from logsentry.experiments.encoder.asking import Fit, Method
from logsentry.experiments.encoder.grid import Factor
from logsentry.experiments.encoder.study import study
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

RATES = (0.003, 0.001, 0.0005, 0.0003, 0.0001)
FACTOR = Factor(
    name="learning-rate",
    question="Which highest learning rate is best in the same training time?",
    levels=tuple(Method(f"rate {rate:g}", options={"learning_rate": rate}) for rate in RATES),
)


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit)
