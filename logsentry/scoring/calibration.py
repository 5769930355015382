"""What a bundle knows of normal windows: the scale of each part's evidence, and the values of windows held back for the threshold.

The same held-back windows set the scales and give p-values and thresholds (split conformal prediction). The scale only puts
kinds of evidence side by side: with one kind it changes no order, and the promise of `conformal` is exact; with several, the
largest of which speaks, a new window has as many chances to be beyond all held-back ones, so a p-value may be too small by about
that number over n + 1. Where members were trained in folds, each fold holds its own windows back, and `folds` says what becomes of that.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from logsentry.errors import BundleRefused
from logsentry.scoring.conformal import Threshold, p_values, share_of, threshold
from logsentry.scoring.evidence import Scale
from logsentry.scoring.folds import Folds

VERSION = 2


class PartCalibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of one part of the bundle: what its judge is told, and the scale of its members' evidence.

    Its members were trained without `fold`, and the keys in `lacks` are in no other fold.
    """

    settings: dict[str, int]
    scale: Scale
    fold: int = 0
    lacks: tuple[int, ...] = ()


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`values[vote]` are sorted values of held-back normal windows, over all parts.

    With folds, `folds[vote][fold]` are those, and `values` the values that as many p-values have.
    """

    version: int
    parts: tuple[PartCalibration, ...]
    values: dict[str, tuple[float, ...]]
    windows_per_day: float
    alerts_per_day: float
    folds: dict[str, tuple[tuple[float, ...], ...]] = {}

    def across(self, vote: str) -> Folds | None:
        """What makes one value of those of the folds; None where there are none."""
        return Folds(self.folds["mean" if vote == "mean" else "majority"]) if self.folds else None

    def held_back(self, vote: str) -> np.ndarray:
        """Early stopping only lowers the values it does not need, so it is held against the majority's values."""
        return np.asarray(self.values["mean" if vote == "mean" else "majority"])

    def threshold(self, vote: str, alerts_per_day: float | None = None) -> Threshold:
        budget = self.alerts_per_day if alerts_per_day is None else alerts_per_day
        return threshold(self.held_back(vote), share_of(budget, self.windows_per_day))

    def p_values(self, values: np.ndarray, vote: str) -> np.ndarray:
        return p_values(values, self.held_back(vote))

    def to_bytes(self) -> bytes:
        return msgspec.json.encode(self, order="deterministic") + b"\n"


def file_of(precision: str) -> str:
    """Each precision has a calibration of its own, made on the graph that serves it."""
    return "calibration.json" if precision == "fp32" else f"calibration.{precision}.json"


def parse(data: bytes, where: str) -> Calibration:
    """Raises `BundleRefused` for another version or anything that is no calibration."""
    try:
        found: dict[str, Any] = msgspec.json.decode(data, type=dict)
        if found.get("version") != VERSION:
            raise BundleRefused(f"{where}: calibration version {found.get('version')!r}; this program reads version {VERSION}")
        calibration = msgspec.convert(found, Calibration)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BundleRefused(f"{where}: the calibration cannot be read: {error}") from error
    if any(not values for values in calibration.values.values()) or not calibration.values:
        raise BundleRefused(f"{where}: the calibration holds no windows, so no score could be told from another")
    judged = {part.fold for part in calibration.parts}
    if any(judged != set(range(len(folds))) or not all(folds) for folds in calibration.folds.values()):
        raise BundleRefused(
            f"{where}: the calibration names folds that no part judges, or that hold no windows; train the bundle again"
        )
    return calibration
