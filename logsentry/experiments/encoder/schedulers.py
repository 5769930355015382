"""The experiment `schedulers`: how the learning rate rises and falls over the training time."""

from __future__ import annotations

from logsentry.experiments.encoder import fitting
from logsentry.experiments.encoder.asking import Fit, Method
from logsentry.experiments.encoder.grid import Factor
from logsentry.experiments.encoder.study import study
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

SCHEDULES = {
    "none": {"warm_up": 0.0},
    "step": {"warm_up": 0.0},
    "one-cycle": {"warm_up": 0.3},
    "cosine": {"warm_up": 0.1},
    "triangular": {"warm_up": 0.3, "cool_down": 0.1},
}
"""Schedule -> its warm-up and cool-down, shares of the training time."""
FACTOR = Factor(
    name="schedulers",
    question="Does a schedule of the learning rate help in the same training time, and which?",
    levels=tuple(Method(name, options={"schedule": name, **told}) for name, told in SCHEDULES.items()),
)


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit)
