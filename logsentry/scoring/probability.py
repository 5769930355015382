"""From logits of malice to probabilities, verdicts with an abstain band, and thresholds at false-positive rates that a person chose.

All of it is learned from labelled validation rows that no training saw, and kept as JSON. A map from logits to probabilities is
taken only where it helps: the plain sigmoid, Platt's two numbers (Platt 1999; Lin, Lin and Weng 2007 for the smoothed targets) or
isotonic steps (Zadrozny and Elkan, KDD 2002), whichever has the least log loss on rows that it was not fitted on. How the maps
are fitted is in `probability_maps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from logsentry.errors import BundleRefused, TrainingError
from logsentry.scoring.probability_maps import Map, fit_map, interval, log_loss, resampled

VERSION = 1
RATES = (1e-2, 1e-3, 1e-4)
"""False-positive rates that thresholds are kept for."""

SURE = 0.95
"""Share of rows on either side of the abstain band whose label is the one that the verdict says."""

KINDS: tuple[Literal["sigmoid", "platt", "isotonic"], ...] = ("sigmoid", "platt", "isotonic")
FOLDS = 5
DIGITS = 6
Verdict = Literal["benign", "unsure", "malicious"]


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lowest logit at which at most `rate` of the benign rows alert. `seen` is their share there, between `low` and `high` with 95 %.

    `attainable` is false where so few benign rows cannot vouch for the rate; then nothing but what is above all of them alerts.
    """

    rate: float
    logit: float
    seen: float
    low: float
    high: float
    attainable: bool


class Probability(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`band` are the probabilities between which it abstains, the lower one and the upper one."""

    version: int
    map: Map
    band: tuple[float, float]
    thresholds: tuple[Threshold, ...]

    def of(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of malice `[rows]` of logits `[rows]`."""
        return self.map(logits)

    def verdicts(self, logits: np.ndarray) -> list[Verdict]:
        low, high = self.band
        return ["malicious" if p >= high else "benign" if p <= low else "unsure" for p in self.of(logits).tolist()]

    def to_bytes(self) -> bytes:
        return msgspec.json.encode(self, order="deterministic") + b"\n"


def parse(data: bytes, where: str) -> Probability:
    """Raises `BundleRefused` for another version or anything that is no probability calibration."""
    try:
        found: dict[str, Any] = msgspec.json.decode(data, type=dict)
        if found.get("version") != VERSION:
            raise BundleRefused(
                f"{where}: probabilities of version {found.get('version')!r}; this program reads version {VERSION}"
            )
        return msgspec.convert(found, Probability)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleRefused(f"{where}: the probabilities cannot be read: {error}") from error


def fit(logits: np.ndarray, labels: np.ndarray, groups: Sequence[object] | None = None, *, seed: int = 0) -> Probability:
    """From logits and labels (0, 1) `[rows]` of validation rows; rows of one group are copies of each other, and stay together.

    Raises `TrainingError` where one of the labels is missing.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    if set(labels.tolist()) != {0, 1}:
        raise TrainingError("probabilities need validation rows of both labels, benign (0) and malicious (1); one is missing")
    group = (
        np.arange(len(logits)) if groups is None else np.unique(np.array([str(each) for each in groups]), return_inverse=True)[1]
    )
    chosen = fit_map(best_kind(logits, labels, group, seed), logits, labels)
    benign = labels == 0
    thresholds = [threshold(logits[benign], rate, None if groups is None else group[benign], seed=seed) for rate in RATES]
    return Probability(VERSION, chosen, abstain_band(chosen(logits), labels), tuple(thresholds))


def best_kind(logits: np.ndarray, labels: np.ndarray, group: np.ndarray, seed: int) -> Literal["sigmoid", "platt", "isotonic"]:
    """The map with the least log loss on rows of other groups than it was fitted on; the simpler one where two are equal."""
    draw = np.random.default_rng((seed, FOLDS))  # not the stream that a caller's own seed gives: labels may come from that
    fold = draw.integers(0, FOLDS, group.max() + 1)[group]
    losses = [0.0] * len(KINDS)
    for held in range(FOLDS):
        rest, out = fold != held, fold == held
        if len(set(labels[rest].tolist())) < 2 or not out.any():
            continue
        for place, kind in enumerate(KINDS):
            losses[place] += log_loss(fit_map(kind, logits[rest], labels[rest])(logits[out]), labels[out])
    return KINDS[int(np.argmin(np.round(losses, DIGITS)))]


def abstain_band(probabilities: np.ndarray, labels: np.ndarray, sure: float = SURE) -> tuple[float, float]:
    """The narrowest band outside of which both verdicts are right for a share of at least `sure` of the rows they are given to.

    A side on which no verdict is that sure gives none: the band then reaches to 0 or above 1.
    """
    order = np.argsort(probabilities, kind="stable")
    p, y = probabilities[order], labels[order]
    last = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)  # equal probabilities get one verdict
    benign = np.cumsum(1 - y)[last] / (last + 1)
    first = np.append(0, last[:-1] + 1)
    malicious = np.cumsum(y[::-1])[::-1][first] / (len(p) - first)
    low = p[last[benign >= sure]].max(initial=-1.0)
    high = p[first[malicious >= sure]].min(initial=2.0)
    middle = (low + high) / 2
    return (float(low), float(high)) if low < high else (float(np.nextafter(middle, -1)), float(middle))


def threshold(benign: np.ndarray, rate: float, groups: np.ndarray | None = None, *, seed: int = 0) -> Threshold:
    """At most `rate` of the benign logits reach it. Its interval is Clopper and Pearson's (1934), or where rows have copies a bootstrap
    over `groups` `[rows]`."""
    ordered = np.sort(np.asarray(benign, np.float64))
    if not len(ordered):
        raise TrainingError("a threshold needs benign validation rows, and there are none")
    allowed = int(np.floor(rate * len(ordered) + 1e-9))
    logit = float(np.nextafter(ordered[-1 - allowed], np.inf)) if allowed < len(ordered) else float(ordered[0])
    above = np.asarray(benign) >= logit
    count = int(above.sum())
    exact = interval(count, len(ordered))
    low, high = exact if groups is None else resampled(above, groups, seed)
    if groups is not None and not count:  # resampling what has none of them says nothing of how many there are
        low, high = interval(0, len(np.unique(groups)))
    return Threshold(rate, logit, count / len(ordered), low, high, allowed > 0)
