"""How well a new classifier tells held-back windows apart, at each precision, and the card that says so to whoever uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from logsentry.reports import frequency
from logsentry.scoring.precisions import differences
from logsentry.scoring.roc import RATES, Roc, draws

RESAMPLES = 1000
Ids = tuple[int, ...]


class Held(msgspec.Struct, frozen=True):
    """Distinct held-back rows of ids and how many windows of each label they are."""

    rows: tuple[Ids, ...]
    benign: tuple[int, ...]
    malicious: tuple[int, ...]

    @classmethod
    def of(cls, rows: Sequence[Ids], labels: Sequence[int]) -> Held:
        places = {row: place for place, row in enumerate(dict.fromkeys(rows))}
        counts = np.zeros((2, len(places)), dtype=np.int64)
        for row, label in zip(rows, labels, strict=True):
            counts[label, places[row]] += 1
        return cls(tuple(places), tuple(counts[0].tolist()), tuple(counts[1].tolist()))


def figures(held: Held, logits: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """AUC and true-positive rates of fp32 with 95 % intervals over distinct rows, its threshold at each rate, and what each other
    precision has more or less. `logits[precision]` is of each distinct row."""
    benign, malicious = np.array(held.benign), np.array(held.malicious)
    drawn = np.vstack([np.ones(len(benign), dtype=np.uint8), draws(len(benign), RESAMPLES, seed=0)])
    found = {name: Roc(values).measures(drawn * benign, drawn * malicious) for name, values in logits.items()}
    names = ("auc", *(f"tpr_at_{rate:g}" for rate in RATES))
    told: dict[str, float] = {}
    for column, name in enumerate(names):
        low, high = np.nanpercentile(found["fp32"][1:, column], [2.5, 97.5])
        told |= {name: float(found["fp32"][0, column]), f"{name}_low": float(low), f"{name}_high": float(high)}
        told |= {
            f"{name}_{precision}_minus_fp32": float(measured[0, column] - found["fp32"][0, column])
            for precision, measured in found.items()
            if precision != "fp32"
        }
    benign_values = np.sort(np.repeat(logits["fp32"], benign))[::-1]
    for rate in RATES:
        told[f"logit_at_{rate:g}"] = float(benign_values[min(int(rate * len(benign_values)), len(benign_values) - 1)])
    return told


class About(msgspec.Struct, frozen=True):
    """What a card says that no figure does."""

    name: str
    detector: str
    source: str
    learned: tuple[int, int]
    held_back: tuple[int, int]
    distinct: int
    repeats: int
    contradictory: int
    by_time: bool
    span: str
    digest: str
    licence: str
    data: str


def card(about: About, metrics: Mapping[str, float]) -> str:
    """A model card in Markdown: the same training gives the same card."""
    how = (
        "the earliest windows of each label were learned from" if about.by_time else "distinct contents were dealt to either side"
    )
    lines = [
        f"# {about.name}",
        f"A classifier `{about.detector}` of windows of `{about.source}`: benign or malicious. A value counts decades of rarity among "
        "held-back benign windows, so 3 is as high as one benign window in a thousand.",
        "## Data",
        f"- {about.data or 'Not described by whoever trained it.'}",
        f"- Learned from {about.learned[0]:,} benign and {about.learned[1]:,} malicious windows; measured and calibrated on "
        f"{about.held_back[0]:,} benign and {about.held_back[1]:,} malicious new ones ({about.distinct:,} distinct); {how}. "
        f"{about.repeats:,} windows that repeat what was learned are left out.",
        f"- {about.contradictory:,} held-back windows have contents that came with both labels.",
        f"- Time: {about.span or 'the windows carry none'}. Digest of the events: `{about.digest}`.",
        f"![How often each token came, by rank, on two logarithmic axes]({frequency.FILE})",
        "## Licence",
        about.licence or "Not stated by whoever trained it; ask before passing it on.",
        "## Figures",
        *_figures(metrics),
        "## Limits",
        *LIMITS,
    ]
    return "\n".join(line if line.startswith("-") else f"\n{line}\n" for line in lines).strip() + "\n"


LIMITS = (
    "- The figures are of held-back windows of the same files. Another network, another emulator version or later malware will do worse.",
    "- Thresholds promise a share of false alarms among windows like the held-back benign ones only.",
    "- Rates below one over the number of held-back benign windows say that none of them was above the threshold, no more.",
    "- A benign program or user that was not in the files may look malicious: check the reasons before acting.",
)


def _figures(metrics: Mapping[str, float]) -> list[str]:
    lines = [f"- AUC {_between(metrics, 'auc')}"]
    lines += [
        f"- true-positive rate at a false-positive rate of {rate:g}: {_between(metrics, f'tpr_at_{rate:g}')}" for rate in RATES
    ]
    return lines + [f"- {line}" for line in differences(metrics)]


def _between(metrics: Mapping[str, float], name: str) -> str:
    return f"{metrics[name]:.4f} ({metrics[f'{name}_low']:.4f} to {metrics[f'{name}_high']:.4f}, 95 %, over distinct rows)"
