"""The page of one factor: how it was measured, the tables, what the rows say of published conclusions, and the CSV of every number."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from logsentry.experiments.encoder.asking import BASELINE
from logsentry.experiments.encoder.claims import SOURCE as CLAIMED_IN
from logsentry.experiments.encoder.claims import Claim, verdict
from logsentry.experiments.encoder.grid import VALIDATION, Budget, Factor, Row
from logsentry.experiments.encoder.measures import MEASURES, STATED
from logsentry.experiments.encoder.reports_data import CITATION, SOURCE, STALLED, Corpus, Reports
from logsentry.experiments.intervals import Interval
from logsentry.experiments.table import comma_separated, markdown, percent_between

QUICK = "**A quick look: short training, few folds or seeds. These figures say that the experiment runs and hint at an order, no more.**"


QUICKLY = ", with the settings of quick runs where a level does not say otherwise: batches of 16 rows, weights averaged"


def written(factor: Factor, corpus: Corpus, rows: Sequence[Row], budget: Budget, quick: bool, figures: Sequence[str] = ()) -> str:
    parts = [f"# Encoder study: {factor.name}", factor.question, *([QUICK] if quick else [])]
    parts += [f"**Caution.** {factor.caution}"] if factor.caution else []
    parts += ["## What the rows say", "\n".join(f"- {line}" for line in conclusions(factor.claims, rows))]
    parts += [f"![{figure}]({figure})" for figure in figures]
    for name in ("test", "test, new inputs", VALIDATION):
        parts += [f"## {name.capitalize()}", table(rows, name)]
    parts += ["## How this was measured", method_notes(rows, budget, corpus), "## The data", data(corpus)]
    return "\n\n".join(parts) + "\n"


def table(rows: Sequence[Row], which: str) -> str:
    """Every measure in percent with its interval, and the spread over folds and seeds of the two that matter most."""
    columns = ["method", *(f"{name}, %" for name in MEASURES), "± folds: AUC", f"± folds: {STATED}", "s / fit"]
    lines = []
    for row in rows:
        judged = row.judged[which]
        cells = [percent_between(judged.of(name)) for name in MEASURES]
        spread = [f"{100 * judged.spread(name):.2f}" for name in ("AUC", STATED)]
        note = f" ({row.method.note})" if row.method.note else ""
        lines.append([row.method.name + note, *cells, *spread, f"{row.seconds:,.0f}"])
    return markdown(columns, lines)


def conclusions(claims: Sequence[Claim], rows: Sequence[Row]) -> list[str]:
    """Which level is best and which cannot be told from it, how they stand to the baseline, and every published claim."""
    levels = [row for row in rows if row.method.detector != BASELINE.detector]
    found = {row.method.name: row.judged for row in rows}
    lines = [*(_order(levels) if len(levels) > 1 else []), *against_baseline(rows)]
    if claims:
        lines += [verdict(claim, found) for claim in claims]
        alone = [claim for claim in map(of_baseline, claims) if {claim.first, claim.second} <= set(found)]
        lines += [f"The baseline alone: {verdict(claim, found)}" for claim in alone]
        lines.append(f"Published figures: {CLAIMED_IN}.")
    else:
        lines.append("No published figures for this factor are held against these rows: none were found with their numbers.")
    return lines


def of_baseline(claim: Claim) -> Claim:
    """The same claim about the baseline on the same views, where it was fitted on each."""
    first, second = (f"{BASELINE.name}: {name}" for name in (claim.first, claim.second))
    return msgspec.structs.replace(claim, first=first, second=second)


def _order(levels: Sequence[Row]) -> list[str]:
    best = max(levels, key=lambda row: row.judged["test"].of(STATED).mean)
    alike = [row for row in levels if row is not best and best.judged["test"].minus(row.judged["test"], STATED).low <= 0]
    worse = [row for row in levels if row is not best and row not in alike]
    picked = max(levels, key=lambda row: row.judged[VALIDATION].of(STATED).mean)
    loss = best.judged["test"].minus(picked.judged["test"], STATED)
    return [
        f"Highest {STATED} on the test rows: `{best.method.name}` with {_told(best.judged['test'].of(STATED))}. "
        f"Not to be told from it: {_names(alike)}. Below it: {_names(worse)}.",
        f"Validation would have chosen `{picked.method.name}`, which is {_points(loss)} below the highest on the test rows.",
    ]


def against_baseline(rows: Sequence[Row]) -> list[str]:
    """Each level against the baseline that sees the same, by the interval of the paired difference on the test rows."""
    plain = {row.method.view: row for row in rows if row.method.detector == BASELINE.detector}
    levels = [row for row in rows if row.method.detector != BASELINE.detector]
    if not plain or not levels:
        return ["The baseline and the encoder were not both run, so they are not compared."]
    lines = []
    for measure in ("AUC", STATED):
        sorted_out: dict[str, list[Row]] = {"above": [], "not to be told from": [], "below": []}
        for row in levels:
            other = plain.get(row.method.view, next(iter(plain.values())))
            at = row.judged["test"].minus(other.judged["test"], measure)
            sorted_out["above" if at.low > 0 else "below" if at.high < 0 else "not to be told from"].append(row)
        told = "; ".join(f"{word} it: {_names(some)}" for word, some in sorted_out.items())
        lines.append(f"Against {BASELINE.name}, by {measure} on the test rows: {told}.")
    return lines


def _names(rows: Sequence[Row]) -> str:
    return ", ".join(f"`{row.method.name}`" for row in rows) or "none"


def _told(value: Interval) -> str:
    return f"{percent_between(value)} %"


def _points(value: Interval) -> str:
    return f"{100 * value.mean:.1f} points ({100 * value.low:.1f} to {100 * value.high:.1f})"


def method_notes(rows: Sequence[Row], budget: Budget, corpus: Corpus) -> str:
    machines = sorted({answer.machine for row in rows for _, answer in row.answers})
    benign = int((corpus.test.benign).sum())
    return "\n".join(
        [
            f"- Every fit of a trained model has the same {budget.seconds:g} seconds {'of one thread' if budget.quick else 'of training'} "
            f"({', '.join(machines)}){QUICKLY if budget.quick else ''}; "
            f"{budget.folds} of 3 folds, seeds {', '.join(map(str, budget.seeds))}. Two machines do different "
            f"numbers of steps in the same time. {BASELINE.name} takes what it takes.",
            "- Folds are of distinct sequences: no input is both learned from and validated on. Figures are means over folds and seeds.",
            "- Intervals: 95 % percentiles of 1,000 bootstrap samples of distinct sequences, the same samples for all methods. *± folds* "
            "is the standard deviation over folds and seeds.",
            "- TPR at a false-positive rate is that of the lowest threshold with no more false positives than allowed, without "
            f"interpolation; with {benign:,} benign test rows 1e-4 means {int(benign * 1e-4)} of them. These thresholds know the "
            "test labels, as in the published tables; `drift` has thresholds from validation. F1 is at even odds.",
            f"- {BASELINE.name}: 1- to 3-grams, C = 3 (on the test rows a little better than scikit-learn's default of 1), rows "
            "weighed by the root of their number.",
        ]
    )


def data(corpus: Corpus) -> str:
    train, test = corpus.train, corpus.test
    return "\n".join(
        [
            f"- Training: {_rows(train)}; {train.left_out:,} rows whose one call is {STALLED} are left out, as in the paper.",
            f"- Test: {_rows(test)}; {int(test.known[test.place].sum()):,} rows have an input that is in the training file.",
            f"- Source: {SOURCE}. Cite: {CITATION}. The rows hold no API arguments.",
        ]
    )


def _rows(reports: Reports) -> str:
    both = int((reports.benign + reports.malicious)[reports.both].sum())
    return (
        f"{len(reports.y):,} rows, {len(reports.ids):,} distinct; {int(reports.both.sum())} distinct inputs ({both:,} rows) came with both "
        f"labels, so accuracy cannot be above {100 * reports.attainable:.1f} %"
    )


def rows_csv(rows: Sequence[Row], budget: Budget) -> str:
    """Every number, shares as shares."""
    columns = [
        "method",
        "detector",
        "set",
        "measure",
        "mean",
        "low",
        "high",
        "spread",
        "fits",
        "budget_seconds",
        "seconds_per_fit",
    ]
    lines = [
        [row.method.name, row.method.detector, which, measure, *judged.of(measure), judged.spread(measure), len(row.answers),
         budget.seconds, round(row.seconds, 2)]
        for row in rows
        for which, judged in row.judged.items()
        for measure in MEASURES
    ]  # fmt: skip
    return comma_separated(columns, lines)
