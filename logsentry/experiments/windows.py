"""The experiment `windows`: how much the length of a window, in lines or in time, changes what a few methods reach on BGL and Thunderbird.

Le and Zhang (ICSE 2022) found that it can change the order of methods; on the excerpts nothing ranks them, as the page says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from logsentry.experiments import bgl_data, figures, methods, page, thunderbird_data
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.cutting import Cut
from logsentry.experiments.plan import Plan
from logsentry.experiments.ratings import Trial
from logsentry.experiments.row_tables import rows_csv
from logsentry.experiments.rows import STATED, Row, Tables
from logsentry.experiments.sequences import by_method
from logsentry.experiments.table import markdown, percent, percent_between
from logsentry.experiments.trials import Trials
from logsentry.sdk import Progress
from logsentry.store.bundles import write_whole

CUTS = (
    Cut("lines", 20), Cut("lines", 100), Cut("lines", 200), Cut("seconds", 60), Cut("seconds", 300), Cut("seconds", 3600),
)  # fmt: skip
Read = Callable[[Cut, Path | None, Progress], Benchmark]
DATA: dict[str, tuple[str, Read]] = {
    "BGL": ("BGL.log", bgl_data.read),
    "Thunderbird": ("Thunderbird.log", thunderbird_data.read),
}
"""Name -> the original file, and how it is read."""


class Cell(NamedTuple):
    """One data set in windows of one kind, with the rows of every method at the stated share."""

    data: str
    cut: Cut
    benchmark: Benchmark
    rows: Sequence[Row]


def run(plan: Plan, trial: Trial, progress: Progress) -> str:
    """Answers the page; `windows/` below the plan's folder holds it with a CSV and figures."""
    folder, chosen = plan.out / "windows", plan.methods(methods.WINDOWS)
    trials, cells = Trials(folder / "trials", trial, plan.fresh), list[Cell]()
    for data, read in _wanted(plan.data).items():
        for cut in CUTS:
            benchmark = plan.benchmark(read(cut, plan.data, progress))
            tables = Tables(benchmark)
            rows = [row for one, done in by_method(trials, chosen, benchmark, plan, progress) for row in tables.rows(one, done)]
            cells.append(Cell(data, cut, benchmark, [row for row in rows if (row.share, row.protocol) == (STATED, "honest")]))
    _draw(cells, folder / "windows.png")
    text = written(cells, plan)
    write_whole(folder / "README.md", text.encode())
    write_whole(folder / "rows.csv", _csv(cells).encode())
    return text


def _wanted(folder: Path | None) -> dict[str, Read]:
    """Both data sets, or those whose original file is in the folder; where neither is, reading says which is missing."""
    there = {name: read for name, (file, read) in DATA.items() if folder is None or (folder / file).exists()}
    return there or {name: read for name, (_, read) in DATA.items()}


def written(cells: Sequence[Cell], plan: Plan) -> str:
    head = ["# Experiment windows", *([page.QUICK] if plan.quick else [])]
    head += [f"**Warning.** {told}" for told in dict.fromkeys(cell.benchmark.caution for cell in cells) if told]
    every = [row for cell in cells for row in cell.rows]
    parts = [*head, "## How this was measured", _data(cells) + "\n" + page.method_notes(plan, every)]
    for data in dict.fromkeys(cell.data for cell in cells):
        some = [cell for cell in cells if cell.data == data]
        parts += [f"## {data}: F1 %", table(some), f"False alarms in 100,000 normal windows, {data}:", alarms_table(some)]
    return "\n\n".join([*parts, "![F1 against the length of a window](windows.png)"]) + "\n"


def _data(cells: Sequence[Cell]) -> str:
    lines = [
        f"- {cell.benchmark.title.rpartition(', windows of')[0]}. Source: {cell.benchmark.source}. Cite: {cell.benchmark.citation}."
        for cell in cells
        if cell.cut == CUTS[0]
    ]
    lines.append(
        "- Windows do not overlap; the first half trains, without its abnormal windows, and the second is the test. A window is "
        "abnormal if any line is. Windows of time hold 510 lines at most. Templates are learned on training lines alone."
    )
    return "\n".join(lines)


def table(cells: Sequence[Cell]) -> str:
    """One row a kind of window, one column a method."""
    names = [row.method.name for row in cells[0].rows]
    columns = ["windows of", "training", "test normal", "test abnormal", *names]
    rows = [
        [str(cell.cut), *_sizes(cell.benchmark), *(percent_between(row.f1) + ("" if row.vouched else " †") for row in cell.rows)]
        for cell in cells
    ]
    return markdown(columns, rows)


def alarms_table(cells: Sequence[Cell]) -> str:
    names = [row.method.name for row in cells[0].rows]
    rows = [
        [str(cell.cut), *(f"{row.false_alarms.mean:,.0f} (best F1 {percent(row.best)})" for row in cell.rows)] for cell in cells
    ]
    return markdown(["windows of", *names], rows)


def _sizes(benchmark: Benchmark) -> list[str]:
    return [f"{len(benchmark.train):,}", f"{benchmark.normal.sum():,}", f"{benchmark.abnormal.sum():,}"]


def _csv(cells: Sequence[Cell]) -> str:
    parts = [
        rows_csv(cell.rows, before=[("data", cell.data), ("window_by", cell.cut.by), ("window_size", cell.cut.size)])
        for cell in cells
    ]
    return parts[0] + "".join(part.partition("\n")[2] for part in parts[1:])


def _draw(cells: Sequence[Cell], path: Path) -> None:
    panels: dict[str, list[figures.Band]] = {}
    for data in dict.fromkeys(cell.data for cell in cells):
        for by in ("lines", "seconds"):
            some = [cell for cell in cells if (cell.data, cell.cut.by) == (data, by)]
            panels[f"{data}, windows of {by}"] = [_band(name, some) for name in (row.method.name for row in some[0].rows)]
    figures.bands(panels, path, "length of a window", "F1 %, 95 % interval", logarithmic=True)


def _band(name: str, cells: Sequence[Cell]) -> figures.Band:
    found = np.array([next(row.f1 for row in cell.rows if row.method.name == name) for cell in cells])
    return figures.Band(name, [cell.cut.size for cell in cells], *found.clip(0, 1).T)
