"""Rows laid out: the main table of a protocol, the table of all shares, and the CSV that holds every number."""

from __future__ import annotations

from collections.abc import Sequence

from logsentry.experiments.published import MARK, Published
from logsentry.experiments.rows import STATED, Row
from logsentry.experiments.table import comma_separated, count_between, markdown, percent, percent_between

NOT_VOUCHED = "†"
MAIN = ("detector", "P %", "R %", "F1 %", "false alarms / 100k", "*best possible F1 %*", "s / trial")


def main_table(rows: Sequence[Row], protocol: str, published: Sequence[Published] = ()) -> str:
    """Every method at the stated share, and then what others published."""
    ours = [_main(row) for row in rows if row.protocol == protocol and row.share == STATED]
    theirs = [
        (f"{row.method} — *{MARK}*", _plain(row.precision), _plain(row.recall), _plain(row.f1), "–", "–", "–")
        for row in published
    ]
    return markdown(MAIN, [*ours, *theirs])


def _main(row: Row) -> tuple[str, ...]:
    mark = "" if row.vouched else f" {NOT_VOUCHED}"
    note = f" ({row.method.note})" if row.method.note else ""
    return (
        row.method.name + note + mark,
        percent_between(row.precision),
        percent_between(row.recall),
        f"**{percent(row.f1.mean)}**" + percent_between(row.f1).removeprefix(percent(row.f1.mean)),
        count_between(row.false_alarms),
        f"*{percent(row.best)}*",
        f"{row.seconds:,.1f}",
    )


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def published_table(rows: Sequence[Published]) -> str:
    cells = [(row.method, _plain(row.precision), _plain(row.recall), _plain(row.f1)) for row in rows]
    return markdown(("published, not run here", "P %", "R %", "F1 %"), cells)


def shares_table(rows: Sequence[Row], protocol: str) -> str:
    """F1 and false alarms of each method at each share."""
    kept = [row for row in rows if row.protocol == protocol]
    shares = sorted({row.share for row in kept})
    columns = ["detector", *(f"{100 * share:g} %: F1 / false alarms" for share in shares)]
    by_method: dict[str, list[str]] = {}
    for row in sorted(kept, key=lambda row: row.share):
        mark = "" if row.vouched else f" {NOT_VOUCHED}"
        cell = f"{percent(row.f1.mean)} / {row.false_alarms.mean:,.0f}{mark}"
        by_method.setdefault(row.method.name, []).append(cell)
    return markdown(columns, [[name, *by_method[name]] for name in dict.fromkeys(row.method.name for row in kept)])


def rows_csv(rows: Sequence[Row], published: Sequence[Published] = (), before: Sequence[tuple[str, object]] = ()) -> str:
    """Every number, shares as shares and not percent; `before` are columns that are the same in all rows."""
    measures = ("precision", "recall", "f1", "false_alarms_per_100k")
    columns = [name for name, _ in before] + ["method", "detector", "origin", "protocol", "share", "vouched", "seeds", "interval"]
    columns += [f"{name}{end}" for name in measures for end in ("", "_low", "_high")] + ["best_possible_f1", "seconds_per_trial"]
    same = [value for _, value in before]
    ours = [
        [*same, row.method.name, row.method.detector, "run here", row.protocol, row.share, row.vouched, row.seeds, row.sure,
         *row.precision, *row.recall, *row.f1, *row.false_alarms, row.best, round(row.seconds, 3)]
        for row in rows
    ]  # fmt: skip
    theirs = [
        [
            *same,
            row.method,
            "",
            MARK,
            "as published",
            "",
            "",
            "",
            "",
            *_share(row.precision),
            *_share(row.recall),
            *_share(row.f1),
            *[""] * 5,
        ]
        for row in published
    ]
    return comma_separated(columns, [*ours, *theirs])


def _share(percent: float | None) -> list[object]:
    return ["" if percent is None else round(percent / 100, 6), "", ""]
