"""What every page says beside its tables: how they were made, which labels contradict each other, who does not beat counting."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.plan import QUICK_SESSIONS, Plan
from logsentry.experiments.row_tables import NOT_VOUCHED
from logsentry.experiments.rows import SEEDS, STATED, Row

QUICK = (
    f"**A quick look: short training, and at most {QUICK_SESSIONS:,} test windows drawn evenly. These figures say that the experiment "
    "runs, not how good a detector is.**"
)
PROTOCOLS = {
    "paper": "sessions of at least {keys} keys only, as LogBERT's authors evaluate, but with thresholds from held-back normal sessions",
    "honest": "all test windows, thresholds from held-back normal windows",
}


def opening(title: str, benchmark: Benchmark, plan: Plan) -> str:
    """The head of a page, down to the data."""
    parts = [f"# {title}"]
    if plan.quick:
        parts.append(QUICK)
    if benchmark.caution:
        parts.append(f"**Warning.** {benchmark.caution}")
    return "\n\n".join([*parts, "## How this was measured", data(benchmark)])


def data(benchmark: Benchmark) -> str:
    lines = [
        f"- Data: {benchmark.title}; {len(benchmark.train):,} normal training windows ({len(set(benchmark.train)):,} distinct), "
        f"{benchmark.normal.sum():,} normal and {benchmark.abnormal.sum():,} abnormal test windows ({len(benchmark.windows):,} distinct). "
        "Distinct windows are scored once and weigh as often as they came.",
        f"- Source: {benchmark.source}. Cite: {benchmark.citation}.",
    ]
    for name, kept in benchmark.protocols.items():
        told = PROTOCOLS[name].format(keys=benchmark.paper_keys)
        lines.append(f"- Protocol *{name}*: {told}; {benchmark.abnormal[kept].sum():,} abnormal.")
    return "\n".join(lines)


def told_settings(plan: Plan) -> list[str]:
    """What a person set, where something was."""
    told = ", ".join(f"{name}={value}" for name, value in plan.settings.items())
    return [f"- Set for every row: {told}."] if told else []


def method_notes(plan: Plan, rows: Sequence[Row]) -> str:
    """Seeds, thresholds, intervals, and the clock."""
    sure = {row.sure for row in rows}
    over_seeds = {row.method.name for row in rows if row.sure == SEEDS}
    seeds = ", ".join(map(str, plan.seed_list))
    fewer = {row.method.name: row.seeds for row in rows if row.seeds < len(plan.seed_list)}
    told = f" No more than the first {', '.join(f'{count} for {name}' for name, count in fewer.items())}." if fewer else ""
    lines = [
        f"- Seeds: {seeds}; means over them.{told}" if len(plan.seed_list) > 1 else f"- Seed: {seeds}.",
        f"- Thresholds: from held-back normal training windows alone, such that at most {100 * STATED:g} % of normal windows may alert "
        "(split conformal prediction; cross-conformal with folds). No threshold has seen a test label.",
        "- Chosen with a look at HDFS test results, and therefore flattered by them: this share among four, and defaults of counting, "
        "LogCluster, DeepLog and LogBERT (each says so where it is set).",
        *told_settings(plan),
        "- *Best possible F1* takes its threshold from the test labels. Nobody has those, so it cannot be reached; it says how much is "
        "lost by the threshold and how much by the detector.",
    ]
    if SEEDS in sure:
        lines.append(
            f"- Intervals: 95 %, Student's t over seeds ({len(over_seeds)} methods); the test windows are the same in each."
        )
    if sure - {SEEDS}:
        lines.append(
            "- Intervals of one seed, and of methods that seeds do not change: 95 % percentiles of 1,000 bootstrap samples of distinct "
            "test windows. They answer another question than those over seeds: what another test of the same kind would have shown."
        )
    if not all(row.vouched for row in rows):
        lines.append(
            f"- {NOT_VOUCHED}: too few windows were held back for the share; only what is stranger than all of them alerts."
        )
    lines.append(f"- `s / trial` is wall time, fit and scoring, on {platform.machine()} with {os.cpu_count()} cores.")
    return "\n".join(lines)


def contradictions(benchmark: Benchmark) -> str:
    """Windows that came with both labels, by their keys."""
    both = benchmark.contradictory()
    if not both:
        return "No test window came with both labels."
    head = (
        f"{benchmark.abnormal[both].sum():,} abnormal and {benchmark.normal[both].sum():,} normal test windows have the same "
        f"{len(both)} strings of keys, so no detector that reads keys can reach F1 100 %:"
    )
    told = [
        f"- `{benchmark.said(benchmark.windows[i])}` ({benchmark.normal[i]} normal, {benchmark.abnormal[i]} abnormal)"
        for i in both
    ]
    return "\n".join([head, "", *told])


def against_counting(rows: Sequence[Row], protocol: str) -> str:
    """Which methods the best counting row beats, or cannot be told from, by F1 at the stated share."""
    shown = [row for row in rows if row.protocol == protocol and row.share == STATED]
    counting = [row for row in shown if row.method.detector == "counting"]
    others = [row for row in shown if row.method.detector != "counting"]
    if not counting or not others:
        return "Counting and other detectors were not both asked for, so they are not compared."
    best = max(counting, key=lambda row: row.f1.mean)
    below = [row for row in others if row.f1.mean <= best.f1.mean]
    unsure = [row for row in others if row.f1.mean > best.f1.mean >= row.f1.low]
    lines = [f"*{protocol}*: the best counting row is `{best.method.name}` with F1 {100 * best.f1.mean:.2f} %."]
    lines.append(f"Does not beat it: {_named(below)}.")
    if unsure:
        lines.append(f"Above it, but its interval holds that figure: {_named(unsure)}.")
    beyond = [row for row in others if row.f1.low > best.f1.mean]
    lines.append(f"Beats it: {_named(beyond)}.")
    return " ".join(lines)


def _named(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row.method.name} ({100 * row.f1.mean:.2f})" for row in rows) or "none"
