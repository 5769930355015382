"""Runs one factor and writes its folder: `OUT/encoder/NAME/` with the page, the CSV and the figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from logsentry.experiments.encoder import fitting, reports_data, study_figures, study_page
from logsentry.experiments.encoder.asking import Fit
from logsentry.experiments.encoder.grid import Factor, Row, run_rows
from logsentry.experiments.encoder.reports_data import Corpus
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress
from logsentry.store.bundles import write_whole

Draw = Callable[[Corpus, Sequence[Row], Path], list[str]]
"""Draws further figures into the folder and answers their names."""


def study(factor: Factor, plan: Plan, progress: Progress, fit: Fit = fitting.fit, draw: Draw | None = None) -> str:
    """Answers the page. Raises `InputError` where the data are not there."""
    corpus = reports_data.read(plan.data)
    rows, budget = run_rows(factor, plan, corpus, progress, fit)
    folder = folder_of(factor.name, plan)
    study_figures.dots(rows, folder / "measures.png")
    names = ["measures.png", *(draw(corpus, rows, folder) if draw else [])]
    if study_figures.losses(rows, folder / "loss.png"):
        names.append("loss.png")
    text = study_page.written(factor, corpus, rows, budget, plan.quick, names)
    write_whole(folder / "README.md", text.encode())
    write_whole(folder / "rows.csv", study_page.rows_csv(rows, budget).encode())
    return text


def folder_of(name: str, plan: Plan) -> Path:
    folder = plan.out / "encoder" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
