"""The figures: dots with intervals, curves and bands, in colours that colour-blind readers can tell apart.

The palette is Okabe and Ito's (2008, https://jfly.uni-koeln.de/color/). Matplotlib draws to files alone, so no display is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from logsentry.experiments.intervals import Interval
from logsentry.experiments.measures import Curve, Floats
from logsentry.experiments.rows import STATED, Row

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C8C")
"""Okabe and Ito's colours, with grey for their yellow, which is hard to see on white."""
STYLES = ("-", "--", ":", "-.")
_TEXT = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#DDDDDD"}


@contextmanager
def drawing(path: Path, width: float, height: float, panels: int = 1) -> Iterator[list[Any]]:
    """A figure with panels side by side, inches, written to `path` as PNG of 150 dots an inch when the block ends."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    with mpl.rc_context(_TEXT):
        figure, axes = pyplot.subplots(1, panels, figsize=(width, height), squeeze=False, sharey=True, layout="constrained")
        try:
            yield list(axes[0])
            figure.savefig(path, dpi=150)
        finally:
            pyplot.close(figure)


def look(number: int) -> dict[str, Any]:
    """Colour and line of the n-th series: 32 that differ."""
    return {"color": PALETTE[number % len(PALETTE)], "linestyle": STYLES[number // len(PALETTE) % len(STYLES)]}


def f1_dots(rows: Sequence[Row], path: Path) -> None:
    """F1 of each method at the stated share with its interval, a panel for each protocol; the line is the best counting."""
    rows = [row for row in rows if row.share == STATED]
    protocols = list(dict.fromkeys(row.protocol for row in rows))
    names = list(dict.fromkeys(row.method.name for row in rows))
    with drawing(path, 4 + 4 * len(protocols), 1.5 + 0.32 * len(names), len(protocols)) as panels:
        for panel, protocol in zip(panels, protocols, strict=True):
            shown = [row for row in rows if row.protocol == protocol]
            for row in shown:
                counting = row.method.detector == "counting"
                _dot(
                    panel, names.index(row.method.name), row.f1, PALETTE[1] if counting else PALETTE[0], "s" if counting else "o"
                )
            if best := max((row.f1.mean for row in shown if row.method.detector == "counting"), default=None):
                panel.axvline(100 * best, color=PALETTE[1], linestyle=":", label="best counting")
                panel.legend(loc="lower left", frameon=False)
            panel.set(title=f"{protocol} protocol", xlabel="F1 %, 95 % interval", xlim=(0, 101))
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()


def _dot(panel: Any, place: int, value: Interval, colour: str, marker: str) -> None:
    ends = [[100 * max(value.mean - max(value.low, 0), 0)], [100 * max(min(value.high, 1) - value.mean, 0)]]
    panel.errorbar([100 * value.mean], [place], xerr=ends, fmt=marker, color=colour, capsize=3)


def precision_recall(curves: Mapping[str, Curve], path: Path) -> None:
    """Over all thresholds, one seed each: what a threshold could do, not what one did."""
    with drawing(path, 8, 6) as [panel]:
        for number, (name, curve) in enumerate(curves.items()):
            panel.step(100 * curve.recall, 100 * curve.precision, where="post", label=name, **look(number))
        panel.set(xlabel="recall %", ylabel="precision %", xlim=(0, 101), ylim=(0, 101))
        panel.legend(loc="lower left", fontsize=9, frameon=False)


def false_alarms(rows: Sequence[Row], protocol: str, path: Path) -> None:
    """False alarms that were promised against those that came; above the grey line a promise was broken."""
    named: dict[str, list[Row]] = {}
    for row in sorted((row for row in rows if row.protocol == protocol), key=lambda row: row.share):
        named.setdefault(row.method.name, []).append(row)
    with drawing(path, 10, 6) as [panel]:
        for number, (name, some) in enumerate(named.items()):
            promised = [100_000 * row.share for row in some]
            panel.plot(promised, [row.false_alarms.mean for row in some], marker="o", label=name, **look(number))
        ends = [100_000 * row.share for row in rows]
        panel.plot(
            [min(ends), max(ends)],
            [min(ends), max(ends)],
            color=PALETTE[-1],
            linewidth=6,
            alpha=0.4,
            zorder=0,
            label="as promised",
        )
        panel.set_xscale("log")
        panel.set_yscale("symlog", linthresh=10)
        panel.set_ylim(bottom=0)
        panel.set(xlabel="false alarms promised, in 100,000 normal windows", ylabel="false alarms that came, in 100,000")
        panel.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9, frameon=False)


class Band(NamedTuple):
    """A line with a band around it, `[points]` each, shares."""

    name: str
    at: Sequence[float]
    middle: Floats
    low: Floats
    high: Floats


def bands(panels: Mapping[str, Sequence[Band]], path: Path, x_label: str, y_label: str, logarithmic: bool = False) -> None:
    """A panel for each title."""
    with drawing(path, 2 + 4.5 * len(panels), 5.5, len(panels)) as axes:
        for axis, (title, lines) in zip(axes, panels.items(), strict=True):
            for number, line in enumerate(lines):
                axis.plot(line.at, 100 * line.middle, marker="o", markersize=4, label=line.name, **look(number))
                axis.fill_between(
                    line.at, 100 * line.low, 100 * line.high, color=PALETTE[number % len(PALETTE)], alpha=0.15, linewidth=0
                )
            if logarithmic:
                axis.set_xscale("log")
                axis.set_xticks(lines[0].at, [f"{at:g}" for at in lines[0].at])
                axis.minorticks_off()
            axis.set(title=title, xlabel=x_label)
        axes[0].set_ylabel(y_label)
        axes[0].legend(fontsize=9, frameon=False)
