"""The experiment `voters`: F1 against the number of members that vote, 1 to 25, odd and even, hard and soft.

25 members are trained once a seed, and ensembles of fewer are drawn from them. The source of this work saw F1 jump between odd and
even numbers; here the jump is measured, and what it consists of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from logsentry.errors import ContractBroken, UsageError
from logsentry.experiments import hdfs_data, methods, voters_page
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.measures import Measured, measured
from logsentry.experiments.plan import Plan
from logsentry.experiments.ratings import Trial
from logsentry.experiments.rows import STATED
from logsentry.experiments.trials import Asked, Finished, Trials
from logsentry.experiments.voters_page import Point
from logsentry.experiments.votes import DRAWS, WAYS, subsets
from logsentry.sdk import Progress
from logsentry.store.bundles import write_whole


def run(plan: Plan, trial: Trial, progress: Progress) -> str:
    """Answers the page; `voters/` below the plan's folder holds it with a CSV and figures."""
    [method] = plan.methods([methods.VOTERS])
    benchmark, folder = plan.benchmark(hdfs_data.read(plan.data)), plan.out / "voters"
    found: dict[tuple[str, str, int], list[Measured]] = {}
    asked = [Asked(method, benchmark, seed) for seed in plan.seed_list]
    for one, finished in Trials(folder / "trials", trial, plan.fresh).run(asked, progress):
        for key, some in ensembles(finished, benchmark, one.seed).items():
            found.setdefault(key, []).extend(some)
    points = [_point(*key, some) for key, some in found.items()]
    voters_page.draw(points, folder)
    text = voters_page.written(benchmark, plan, points)
    write_whole(folder / "README.md", text.encode())
    write_whole(folder / "rows.csv", voters_page.csv_of(points).encode())
    return text


def ensembles(finished: Finished, benchmark: Benchmark, seed: int) -> dict[tuple[str, str, int], list[Measured]]:
    """(protocol, way, voters) -> what each drawn ensemble of so many voters reaches."""
    ratings = finished.ratings
    if not ratings.members or not ratings.held_back_members:
        raise ContractBroken(
            "the trial told nothing of its members, so they cannot vote in smaller numbers; this is a defect of the trial"
        )
    members, held_back = np.array(ratings.members), np.array(ratings.held_back_members)
    if len(members) < 2:
        raise UsageError("one member alone cannot vote; ask for two or more")
    found: dict[tuple[str, str, int], list[Measured]] = {}
    for size in range(1, len(members) + 1):
        for chosen in subsets(len(members), size, DRAWS, seed):
            for way, voted in WAYS.items():
                alarm = voted(members[chosen], held_back[chosen], STATED)
                for protocol, kept in benchmark.protocols.items():
                    reached = measured(alarm[kept], benchmark.normal[kept], benchmark.abnormal[kept])
                    found.setdefault((protocol, way, size), []).append(reached)
    return found


def _point(protocol: str, way: str, voters: int, some: Sequence[Measured]) -> Point:
    table = np.array(some)
    low, high = np.percentile(table, [5, 95], axis=0)
    return Point(protocol, way, voters, len(some), Measured(*table.mean(axis=0)), Measured(*low), Measured(*high))
