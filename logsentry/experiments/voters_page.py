"""The page of `voters`: F1 for each number of voters, how many of them must agree, and what an even number changes, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from logsentry.experiments import figures, page
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.measures import Floats, Measured
from logsentry.experiments.plan import Plan
from logsentry.experiments.rows import STATED
from logsentry.experiments.table import comma_separated, markdown, percent
from logsentry.experiments.votes import DRAWS, MAJORITY, MEAN, OWN, TIES, WAYS, needed_share
from logsentry.scoring.vote import needed


class Point(NamedTuple):
    """One protocol, way and number of voters: each measure's mean and percentiles 5 and 95 over draws and seeds."""

    protocol: str
    way: str
    voters: int
    ensembles: int
    middle: Measured
    low: Measured
    high: Measured


def at_each_size(points: Sequence[Point], protocol: str, way: str) -> dict[int, Point]:
    return {point.voters: point for point in points if (point.protocol, point.way) == (protocol, way)}


class Jump(NamedTuple):
    """What an even number of voters has more than the mean of its two odd neighbours, the mean over even numbers; shares."""

    f1: float
    recall: float
    false_alarms: float


def jump(by_size: Mapping[int, Point]) -> Jump | None:
    """None where there are fewer than three voters, so that no even number has two neighbours."""
    even = [size for size in by_size if size % 2 == 0 and size + 1 in by_size]
    if not even:
        return None
    ours = np.array([by_size[size].middle for size in even])
    sides = np.array([[by_size[size - 1].middle, by_size[size + 1].middle] for size in even]).mean(axis=1)
    _, recall, f1, alarms = (ours - sides).mean(axis=0).tolist()
    return Jump(f1, recall, alarms)


def explanation(points: Sequence[Point], protocol: str) -> str:
    """The jump of every way, in numbers."""
    rows = []
    for way in WAYS:
        found = jump(at_each_size(points, protocol, way))
        if found is not None:
            rows.append([way, f"{100 * found.f1:+.2f}", f"{100 * found.recall:+.2f}", f"{found.false_alarms:+.0f}"])
    columns = ("even against its odd neighbours", "F1, points", "recall, points", "false alarms / 100k")
    return markdown(columns, rows) if rows else "There are too few voters to compare even numbers with odd ones."


def written(benchmark: Benchmark, plan: Plan, points: Sequence[Point]) -> str:
    parts = [page.opening("Experiment voters", benchmark, plan) + "\n" + _notes(plan)]
    for protocol in benchmark.protocols:
        parts += [f"## Protocol {protocol}", _table(points, protocol)]
    parts += ["![F1 against the number of voters](voters.png)", "![Recall against the number of voters](voters-recall.png)"]
    parts += ["## Why odd and even differ", WHY]
    for protocol in benchmark.protocols:
        parts += [f"Protocol *{protocol}*:", explanation(points, protocol)]
    return "\n\n".join(parts) + "\n"


WHY = (
    "More than half of m voters are floor(m/2) + 1. For odd m that is just above one half; for even m a tie is no majority, so "
    "the share that must agree is higher by up to half a vote (`needed` in the tables: 2 of 2, 3 of 4, 4 of 6). An even ensemble is "
    "therefore a stricter detector than its odd neighbours. If that is all, then *own bars* has fewer alarms of both kinds at even "
    "m, *own bars, a tie is an alarm* has more, and the two *values*, whose threshold is set anew for each m, do not jump. The "
    "differences as measured:"
)


def _notes(plan: Plan) -> str:
    seeds = ", ".join(map(str, plan.seed_list))
    lines = (
        *page.told_settings(plan),
        f"- Seeds: {seeds}; for each, up to {DRAWS} ensembles of each size are drawn from the members. Means, and bands from the 5th "
        "to the 95th percentile over draws and seeds: ensembles that share members are alike, so bands narrow towards all members "
        "by construction, and a mean is outside its band where a few ensembles are far off.",
        f"- Thresholds: from held-back normal training windows alone, at most {100 * STATED:g} % of normal windows may alert, for each "
        f"member (*{OWN}*) or for the combined value (*{MAJORITY}*, the hard vote, and *{MEAN}*, the soft one).",
        f"- *{TIES}*: the same votes, but half of them are enough.",
    )
    return "\n".join(lines)


def _table(points: Sequence[Point], protocol: str) -> str:
    by_way = {way: at_each_size(points, protocol, way) for way in WAYS}
    columns = ("voters", "needed", "needed share", *(f"F1 %: {way}" for way in WAYS))
    rows = [
        [str(size), f"{needed(size)} of {size}", f"{needed_share(size):.3f}", *(_cell(by_way[way][size]) for way in WAYS)]
        for size in sorted(by_way[OWN])
    ]
    return markdown(columns, rows)


def _cell(point: Point) -> str:
    return f"{percent(point.middle.f1)} ({100 * point.low.f1:.1f}–{100 * point.high.f1:.1f})"


def csv_of(points: Sequence[Point]) -> str:
    names = ("precision", "recall", "f1", "false_alarms_per_100k")
    columns = ["protocol", "way", "voters", "needed", "needed_share", "ensembles"]
    columns += [f"{name}{end}" for end in ("", "_p5", "_p95") for name in names]
    rows = [
        [p.protocol, p.way, p.voters, needed(p.voters), round(needed_share(p.voters), 6), p.ensembles, *p.middle, *p.low, *p.high]
        for p in points
    ]
    return comma_separated(columns, rows)


def draw(points: Sequence[Point], folder: Path) -> None:
    for measure, name in (("f1", "voters.png"), ("recall", "voters-recall.png")):
        panels = {
            f"{protocol} protocol": [_band(way, at_each_size(points, protocol, way), measure) for way in WAYS]
            for protocol in dict.fromkeys(point.protocol for point in points)
        }
        figures.bands(panels, folder / name, "voters", f"{'F1' if measure == 'f1' else measure} %, band: 5th to 95th percentile")


def _band(way: str, by_size: Mapping[int, Point], measure: str) -> figures.Band:
    sizes = sorted(by_size)

    def of(which: str) -> Floats:
        return np.array([getattr(getattr(by_size[size], which), measure) for size in sizes])

    return figures.Band(way, sizes, of("middle"), of("low"), of("high"))
