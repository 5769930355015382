"""The experiment `folds`: the encoder and the baseline over three folds, with mean ROC curves and training losses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from logsentry.experiments.encoder import fitting, study_figures
from logsentry.experiments.encoder.asking import BASELINE, Fit, Method, View
from logsentry.experiments.encoder.claims import Claim
from logsentry.experiments.encoder.grid import VALIDATION, Factor, Row, Sets
from logsentry.experiments.encoder.reports_data import Corpus
from logsentry.experiments.encoder.study import study
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

ENCODER, BOTH = "encoder", "encoder and n-grams"
WHOLE = {"chunk": 0, "pooling": "max", "layers": 1, "heads": 4, "feed_forward": 128, "learning_rate": 3e-3}
VOTERS = Method(BOTH, "encoder-bag", options={"max_length": 512}, view=View(length=2048), note="as shipped")
FACTOR = Factor(
    name="folds",
    question="How good is the encoder with its default settings, how sure is that, and does it beat the plainest classifier?",
    levels=(
        Method(ENCODER),
        Method("encoder, whole-row attention", options=WHOLE),
        VOTERS,
    ),
    claims=(
        Claim("validation promises more than the later test set keeps (AUC 0.997 against 0.963).", ENCODER, ENCODER, measure="AUC",
              on=VALIDATION, against="test"),
        Claim("the encoder is above a convolutional network on API names (0.511 against 0.308; here the baseline stands for a plainer "
              "model).", BOTH, f"{BASELINE.name}: {BOTH}"),
    ),
    each_baseline=True,
    quick_folds=3,
    quick_seconds=60.0,
)  # fmt: skip


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit, drawn)


def drawn(corpus: Corpus, rows: Sequence[Row], folder: Path) -> list[str]:
    study_figures.roc(rows, Sets.of(corpus).every, folder / "roc.png")
    return ["roc.png"]
