"""The experiments `hdfs`, `bgl` and `thunderbird`: every method, every seed, one table a protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from logsentry.experiments import bgl_data, figures, hdfs_data, methods, page, thunderbird_data
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.cutting import Cut
from logsentry.experiments.measures import Curve
from logsentry.experiments.plan import Plan
from logsentry.experiments.published import published
from logsentry.experiments.ratings import Method, Trial
from logsentry.experiments.row_tables import main_table, published_table, rows_csv, shares_table
from logsentry.experiments.rows import Row, Tables
from logsentry.experiments.trials import Asked, Finished, Trials
from logsentry.sdk import Progress
from logsentry.store.bundles import write_whole

CUT = Cut("lines", 100)
"""The windows of `bgl` and `thunderbird`: 100 lines, as Le & Zhang (ICSE 2022) have among theirs; `windows` compares others."""


def hdfs(plan: Plan, trial: Trial, progress: Progress) -> str:
    """Answers the page, which is in the folder with a CSV and figures as well."""
    return compare("hdfs", lambda: hdfs_data.read(plan.data), methods.SEQUENCES, plan, trial, progress)


def bgl(plan: Plan, trial: Trial, progress: Progress) -> str:
    return compare("bgl", lambda: bgl_data.read(CUT, plan.data, progress), methods.RAW_LINES, plan, trial, progress)


def thunderbird(plan: Plan, trial: Trial, progress: Progress) -> str:
    return compare(
        "thunderbird", lambda: thunderbird_data.read(CUT, plan.data, progress), methods.RAW_LINES, plan, trial, progress
    )


def compare(
    name: str, read: Callable[[], Benchmark], rows: Sequence[Method], plan: Plan, trial: Trial, progress: Progress
) -> str:
    """Run every method on the benchmark and write `name/` below the plan's folder.

    Rules are searched in what keys say: where only numbers are known that row is left out, unless it is asked for and so can say why.
    """
    chosen, folder = plan.methods(rows), plan.out / name
    whole = read()
    chosen = [row for row in chosen if row.detector != "regex" or whole.texts or whole.rule_texts or "regex" in plan.detectors]
    benchmark = plan.benchmark(whole)
    tables, measured, curves = Tables(benchmark), list[Row](), dict[tuple[str, object], tuple[str, Curve]]()
    for method, finished in by_method(Trials(folder / "trials", trial, plan.fresh), chosen, benchmark, plan, progress):
        measured += tables.rows(method, finished)
        curves[method.detector, method.options.get("members")] = method.name, tables.curve(finished[0])
    figures.f1_dots(measured, folder / "f1.png")
    figures.precision_recall(dict(curves.values()), folder / "precision-recall.png")
    figures.false_alarms(measured, "honest", folder / "false-alarms.png")
    text = written(name, whole, benchmark, measured, plan)
    write_whole(folder / "README.md", text.encode())
    write_whole(folder / "rows.csv", rows_csv(measured, published(name)).encode())
    return text


def by_method(
    trials: Trials, chosen: Sequence[Method], benchmark: Benchmark, plan: Plan, progress: Progress
) -> Iterator[tuple[Method, list[Finished]]]:
    """The trials of each method with all seeds, one method in memory at a time; what single members said is let go."""
    asked = [Asked(method, benchmark, seed) for method in chosen for seed in plan.seed_list[: method.seeds]]
    for method, some in groupby(trials.run(asked, progress), key=lambda pair: pair[0].method.name):
        finished = []
        for _, done in some:
            done.ratings.members = done.ratings.held_back_members = None
            finished.append(done)
        yield next(one for one in chosen if one.name == method), finished


def written(name: str, whole: Benchmark, benchmark: Benchmark, rows: Sequence[Row], plan: Plan) -> str:
    theirs = published(name)
    comparable = "paper" in benchmark.protocols
    parts = [page.opening(f"Experiment {name}", benchmark, plan) + "\n" + page.method_notes(plan, rows)]
    for protocol in benchmark.protocols:
        parts += [f"## Protocol {protocol}", main_table(rows, protocol, theirs if protocol == "paper" else ())]
    parts += ["![F1 of every method](f1.png)", "## Against counting"]
    parts += [page.against_counting(rows, protocol) for protocol in benchmark.protocols]
    for protocol in benchmark.protocols:
        parts += [f"## False alarms, all shares ({protocol})", shares_table(rows, protocol)]
    parts += ["![False alarms (honest)](false-alarms.png)"]
    parts += ["The last row of each detector and number of members, first seed, over all thresholds:"]
    parts += ["![Precision and recall](precision-recall.png)"]
    parts += ["## Contradictory labels", page.contradictions(whole)]
    if theirs and not comparable:
        told = "On the full data, overlapping windows of time, shuffled before the split, threshold from test labels: not comparable."
        parts += ["## Published, not run here", told, published_table(theirs)]
    return "\n\n".join(parts) + "\n"
