"""The experiment `accumulation`: forward passes in one optimizer step, by this package's loop and by accelerate's."""

from __future__ import annotations

from importlib.util import find_spec

from logsentry.experiments.encoder import fitting
from logsentry.experiments.encoder.asking import Fit, Method
from logsentry.experiments.encoder.grid import Factor
from logsentry.experiments.encoder.study import study
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

PASSES = (1, 2, 4, 8)
ACCELERATE = find_spec("accelerate") is not None
FACTOR = Factor(
    name="accumulation",
    question="Do larger steps, of several batches each, help in the same training time? They are fewer.",
    levels=(
        *(Method(f"batches a step: {count}", options={"accumulate": count}) for count in PASSES),
        *([Method("batches a step: 4, accelerate", options={"accumulate": 4, "loop": "accelerate"})] if ACCELERATE else []),
    ),
    caution="" if ACCELERATE else "accelerate is not installed here, so its loop is left out: pip install accelerate.",
)


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit)
