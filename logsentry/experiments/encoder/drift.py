"""The experiment `drift`: a threshold set on validation rows, held against the later test set, by label, by novelty and by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from logsentry.experiments.encoder import fitting, reports_data, study_figures, study_page
from logsentry.experiments.encoder.asking import Fit, Method
from logsentry.experiments.encoder.claims import Claim
from logsentry.experiments.encoder.cross_validation import ENCODER, VOTERS
from logsentry.experiments.encoder.grid import VALIDATION, Factor, Row, run_rows
from logsentry.experiments.encoder.measures import Rated
from logsentry.experiments.encoder.reports_data import Corpus, Reports
from logsentry.experiments.encoder.study import folder_of
from logsentry.experiments.plan import Plan
from logsentry.experiments.table import comma_separated, markdown
from logsentry.scoring.conformal import threshold
from logsentry.sdk import Progress
from logsentry.store.bundles import write_whole

SHARES = (0.01, 0.001)
BLOCKS = 4
FACTOR = Factor(
    name="drift",
    question="What becomes of a threshold that validation rows set, when the later test set comes?",
    levels=(Method(ENCODER), VOTERS),
    claims=(
        Claim("validation promises more than the later test set keeps (AUC 0.997 against 0.963).", "encoder", "encoder", measure="AUC",
              on=VALIDATION, against="test"),
    ),
    caution=(
        "The rows carry no dates. Blocks are quarters of the test rows in the authors' order, which is by hash within a label and so by "
        "chance: how blocks differ is noise, and what validation and test differ beyond it is drift."
    ),
    each_baseline=True,
    quick_folds=3,
    quick_seconds=60.0,
)  # fmt: skip


class Part(NamedTuple):
    """Some test rows, and of each share the alarms among them, percent of benign and of malicious rows, mean over models."""

    name: str
    rows: int
    false: tuple[float, ...]
    true: tuple[float, ...]


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    corpus = reports_data.read(plan.data)
    rows, budget = run_rows(FACTOR, plan, corpus, progress, fit)
    folder = folder_of(FACTOR.name, plan)
    study_figures.dots(rows, folder / "measures.png")
    parts = {row.method.name: alarms(row, corpus) for row in rows}
    text = study_page.written(FACTOR, corpus, rows, budget, plan.quick, ["measures.png"])
    text += "\n".join(["## Thresholds from validation\n", NOTE, *(_table(name, some) for name, some in parts.items())])
    write_whole(folder / "README.md", text.encode())
    write_whole(folder / "rows.csv", study_page.rows_csv(rows, budget).encode())
    write_whole(folder / "thresholds.csv", _csv(parts).encode())
    return text


NOTE = (
    "The threshold is the one that may give a false alarm on the stated share of benign rows, set by split conformal prediction on the "
    "benign rows of the fold left out. Below, what it gave; `–` is no such row.\n"
)


def alarms(row: Row, corpus: Corpus) -> list[Part]:
    """Alarm rates on each part of the test rows."""
    bars = [[_bar(model, corpus.train, share) for share in SHARES] for model in row.rated(VALIDATION)]
    models = [model.values for model in row.rated("test")]
    test, found = corpus.test, []
    for name, kept in parts_of(test):
        rates = []
        for y in (0, 1):
            some = test.place[kept & (test.y == y)]
            every = [[float((values[some] >= bar).mean()) if len(some) else float("nan") for bar in own]
                     for values, own in zip(models, bars, strict=True)]  # fmt: skip
            rates.append(tuple(np.mean(every, axis=0).tolist()))
        found.append(Part(name, int(kept.sum()), *rates))
    return found


def _bar(model: Rated, train: Reports, share: float) -> float:
    """Benign rows as often as they came."""
    values = np.sort(np.repeat(model.values, train.benign[model.places]))
    return threshold(values, share).value


def parts_of(test: Reports) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """All rows, by novelty, by label, and in blocks of equal size within each label."""
    known, families = test.known[test.place], np.array(test.family)
    yield "all rows", np.ones(len(test.y), dtype=bool)
    yield "input seen in training", known
    yield "new input", ~known
    for family in sorted(set(test.family)):
        yield f"label {family}", families == family
    block = np.zeros(len(test.y), dtype=np.int64)
    for family in set(test.family):
        own = np.flatnonzero(families == family)
        own = own[np.argsort(test.row[own], kind="stable")]
        block[own] = np.arange(len(own)) * BLOCKS // max(len(own), 1)
    for number in range(BLOCKS):
        yield f"block {number + 1} of {BLOCKS}", block == number


def _table(name: str, parts: Sequence[Part]) -> str:
    columns = [name, "rows", *(f"{kind} %, promised {100 * share:g} %" for share in SHARES for kind in ("false alarms", "found"))]
    lines = []
    for part in parts:
        cells = [_percent(value) for pair in zip(part.false, part.true, strict=True) for value in pair]
        lines.append([part.name, f"{part.rows:,}", *cells])
    return markdown(columns, lines) + "\n"


def _percent(value: float) -> str:
    return "–" if np.isnan(value) else f"{100 * value:.2f}"


def _csv(parts: dict[str, list[Part]]) -> str:
    lines = [
        [method, part.name, part.rows, share, part.false[number], part.true[number]]
        for method, some in parts.items()
        for part in some
        for number, share in enumerate(SHARES)
    ]
    return comma_separated(["method", "part", "rows", "promised", "false_alarms", "found"], lines)
