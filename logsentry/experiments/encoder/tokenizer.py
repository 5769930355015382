"""The experiment `tokenizer`: whole words, words cut at punctuation, and byte-pair encoding; with how often tokens come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from logsentry.experiments.encoder import fitting, study_figures
from logsentry.experiments.encoder.asking import Cut, Fit, Method, View
from logsentry.experiments.encoder.claims import Claim
from logsentry.experiments.encoder.grid import Factor, Row
from logsentry.experiments.encoder.reports_data import Corpus, Counts, Reports
from logsentry.experiments.encoder.study import study
from logsentry.experiments.encoder.views import FIRST, seen
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

CUTS: tuple[Cut, ...] = ("words", "pieces at punctuation", "BPE")
FACTOR = Factor(
    name="tokenizer",
    question="Does it matter how words become tokens?",
    levels=tuple(Method(cut, view=View(cut=cut)) for cut in CUTS),
    claims=(
        Claim("whitespace and BPE are alike (0.570 and 0.521, within what repeats of one setting differ).", "words", "BPE", "="),
        Claim("whitespace and punctuation are alike (0.570 and 0.554).", "words", "pieces at punctuation", "="),
    ),
    caution=(
        "The staged rows were cut at blanks by their authors and hold the 1,500 commonest words. The others are unknown to every tokenizer "
        "here, so what BPE is for, rare words, is not in these rows. Pieces make rows longer, and all are cut at 512."
    ),
    each_baseline=True,
)


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit, drawn)


def drawn(corpus: Corpus, rows: Sequence[Row], folder: Path) -> list[str]:
    study_figures.frequencies({cut: counts(corpus, cut) for cut in CUTS}, folder / "frequencies.png")
    return ["frequencies.png"]


def counts(corpus: Corpus, cut: Cut) -> list[int]:
    """How often each token comes in all training rows, with the tokenizer learned on all of them."""
    view = seen(corpus, View(length=2048, cut=cut), np.arange(len(corpus.train.ids)))
    times: Counts = rows_of(corpus.train)
    found = np.zeros(view.vocabulary, dtype=np.int64)
    for ids, often in zip(view.train, times.tolist(), strict=True):
        np.add.at(found, list(ids), often)
    return [int(one) for one in found[FIRST:] if one]


def rows_of(reports: Reports) -> Counts:
    return reports.benign + reports.malicious
