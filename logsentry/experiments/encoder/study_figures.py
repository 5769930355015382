"""The figures of the study: mean ROC with a band, training loss, a heatmap of two factors, and how often tokens come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from logsentry.experiments.encoder.grid import Row
from logsentry.experiments.encoder.measures import MEASURES, Test
from logsentry.experiments.figures import PALETTE, drawing, look

AT = np.logspace(-4, 0, 200)


def dots(rows: Sequence[Row], path: Path) -> None:
    """AUC and TPR at the two lowest rates of every method on the test rows, with intervals."""
    shown = ("AUC", MEASURES[1], MEASURES[2])
    names = [row.method.name for row in rows]
    with drawing(path, 4 + 3 * len(shown), 1.5 + 0.35 * len(names), len(shown)) as panels:
        for panel, measure in zip(panels, shown, strict=True):
            for place, row in enumerate(rows):
                at = row.judged["test"].of(measure)
                ends = [[100 * max(at.mean - at.low, 0)], [100 * max(at.high - at.mean, 0)]]
                colour = PALETTE[1] if row.method.detector == "tfidf" else PALETTE[0]
                panel.errorbar([100 * at.mean], [place], xerr=ends, fmt="o", color=colour, capsize=3)
            panel.set(title=measure, xlabel="%, 95 % interval")
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()


def roc(rows: Sequence[Row], tests: Mapping[str, Test], path: Path) -> None:
    """The mean over folds and seeds of the true-positive rate at each false-positive rate; the band is from the lowest to the highest."""
    with drawing(path, 2 + 5 * len(tests), 5.5, len(tests)) as panels:
        for panel, (which, test) in zip(panels, tests.items(), strict=True):
            for number, row in enumerate(rows):
                lines = np.stack([_at(test.curve(model)) for model in row.rated(which)])
                panel.plot(AT, 100 * lines.mean(axis=0), label=row.method.name, **look(number))
                panel.fill_between(
                    AT,
                    100 * lines.min(axis=0),
                    100 * lines.max(axis=0),
                    color=PALETTE[number % len(PALETTE)],
                    alpha=0.15,
                    linewidth=0,
                )
            panel.set_xscale("log")
            panel.set(title=which, xlabel="false-positive rate")
        panels[0].set_ylabel("true-positive rate %; band: folds and seeds")
        panels[0].legend(loc="upper left", fontsize=9, frameon=False)


def _at(curve: tuple[NDArray[np.float64], NDArray[np.float64]]) -> NDArray[np.float64]:
    """True-positive rates at `AT`, each the highest that is reached by then."""
    false, true = curve
    found: NDArray[np.float64] = true[np.searchsorted(false, AT + 1e-12, side="right") - 1]
    return found


def losses(rows: Sequence[Row], path: Path) -> bool:
    """Training loss over the budget, a line a method and a band over its fits; answers whether any method told its losses."""
    told = [row for row in rows if any(answer.losses for _, answer in row.answers)]
    if not told:
        return False
    share = np.linspace(0, 1, 60)
    with drawing(path, 8, 5) as [panel]:
        for number, row in enumerate(told):
            every = [answer.losses for _, answer in row.answers if answer.losses]
            lines = np.stack([np.interp(share, np.linspace(0, 1, len(one)), one) for one in every])
            panel.plot(100 * share, lines.mean(axis=0), label=row.method.name, **look(number))
            panel.fill_between(
                100 * share, lines.min(axis=0), lines.max(axis=0), color=PALETTE[number % len(PALETTE)], alpha=0.15, linewidth=0
            )
        panel.set_yscale("log")
        panel.set(xlabel="% of the training time", ylabel="training loss; band: folds and seeds")
        panel.legend(fontsize=9, frameon=False)
    return True


def heatmap(cells: NDArray[np.float64], across: Sequence[int], down: Sequence[int], title: str, path: Path) -> None:
    """Percent in each cell, `[down, across]`; a cell that was not run is blank."""
    with drawing(path, 3 + len(across), 2.5 + 0.7 * len(down)) as [panel]:
        panel.grid(False)
        panel.imshow(100 * cells, cmap="cividis", aspect="auto")
        for (y, x), value in np.ndenumerate(cells):
            if np.isfinite(value):
                light = value < (np.nanmin(cells) + np.nanmax(cells)) / 2
                panel.text(x, y, f"{100 * value:.1f}", ha="center", va="center", color="white" if light else "black")
        panel.set_xticks(range(len(across)), [f"{one:,}" for one in across])
        panel.set_yticks(range(len(down)), [f"{one:,}" for one in down])
        panel.set(title=title, xlabel="tokens of a row", ylabel="ids of the vocabulary")


def frequencies(counts: Mapping[str, Sequence[int]], path: Path) -> None:
    """How often each token comes against its rank, both logarithmic: a straight line is Zipf's law."""
    with drawing(path, 7, 5) as [panel]:
        for number, (name, some) in enumerate(counts.items()):
            ordered = np.sort(np.asarray(some))[::-1]
            panel.plot(np.arange(1, len(ordered) + 1), ordered, label=name, **look(number))
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set(xlabel="rank of the token", ylabel="times it came")
        panel.legend(frameon=False)
