"""The experiment `length-vocabulary`: a heatmap of TPR at FPR 1e-3 over tokens of a row and ids of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from logsentry.experiments.encoder import fitting, study_figures
from logsentry.experiments.encoder.asking import BASELINE, Fit, Method, View
from logsentry.experiments.encoder.claims import Claim
from logsentry.experiments.encoder.grid import Factor, Row
from logsentry.experiments.encoder.measures import STATED
from logsentry.experiments.encoder.reports_data import Corpus
from logsentry.experiments.encoder.study import study
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

LENGTHS = (64, 256, 512, 1024, 2048)
VOCABULARIES = (150, 500, 1500)


def level(length: int, vocabulary: int) -> str:
    return f"{length} tokens, {vocabulary:,} ids"


FACTOR = Factor(
    name="length-vocabulary",
    question="How many tokens of a report should be read, and how many different ones should be told apart?",
    levels=tuple(
        Method(level(length, vocabulary), view=View(length, vocabulary)) for vocabulary in VOCABULARIES for length in LENGTHS
    ),
    claims=(
        Claim("512 tokens are better than 64 (0.564 against 0.367).", level(512, 1500), level(64, 1500)),
        Claim("512 tokens are better than 2,048 (0.564 against 0.359).", level(512, 1500), level(2048, 1500)),
    ),
    caution=(
        "The staged rows have 1,500 ids, so the published vocabularies of 5,000 to 70,000 cannot be tried. Rows that differ late only are "
        "equal when cut, so a short length puts some inputs on both sides of a fold: read validation with that in mind."
    ),
    each_baseline=True,
)


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit, drawn)


def drawn(corpus: Corpus, rows: Sequence[Row], folder: Path) -> list[str]:
    """A heatmap of the encoder and one of the baseline, whichever were run."""
    names = {"heatmap.png": "encoder", "heatmap-baseline.png": BASELINE.detector}
    found = []
    for file, detector in names.items():
        some = [row for row in rows if row.method.detector == detector]
        if some:
            title = f"{STATED}, %, test rows: {'encoder' if detector == 'encoder' else BASELINE.name}"
            study_figures.heatmap(cells(some), LENGTHS, VOCABULARIES, title, folder / file)
            found.append(file)
    return found


def cells(rows: Sequence[Row]) -> np.ndarray:
    """`[vocabularies, lengths]`; NaN where nothing was run."""
    found = np.full((len(VOCABULARIES), len(LENGTHS)), np.nan)
    for row in rows:
        view = row.method.view
        found[VOCABULARIES.index(view.vocabulary), LENGTHS.index(view.length)] = row.judged["test"].of(STATED).mean
    return found
