"""From logits of malice to probabilities, verdicts with an abstain band, and thresholds at false-positive rates that a person chose.

This is what a bundle keeps of them, as JSON, and what a score says of it. How they are learned from labelled validation rows that no
training saw is in `probability_fit`, the maps themselves are in `probability_maps`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from logsentry.errors import BundleRefused
from logsentry.scoring.probability_maps import Map

VERSION = 1
SURE = 0.95
"""Share of rows on either side of the abstain band whose label is the one that the verdict says."""

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

    def sentence(self) -> str:
        if not self.attainable:
            return f"the held-back benign rows are too few to vouch for a false-positive rate of {self.rate:g}"
        among = f"{self.seen:.3%} of the held-back benign rows ({self.low:.3%} to {self.high:.3%}, 95 %)"
        return f"for a false-positive rate of {self.rate:g}: logits from {self.logit:.3f} on, as {among} have"


class Stand(msgspec.Struct, frozen=True):
    """How likely one window is malicious, and what that says: benign, malicious, or neither within the `band`."""

    probability: float
    verdict: Verdict
    band: tuple[float, float]

    @property
    def unsure(self) -> bool:
        return self.verdict == "unsure"

    def sentence(self) -> str:
        if not self.unsure:
            return f"is malicious with a probability of {self.probability:.1%}"
        low, high = (f"{min(max(edge, 0.0), 1.0):.0%}" for edge in self.band)
        return f"is malicious with a probability of {self.probability:.1%}, and between {low} and {high} no verdict is sure"


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
        return [stand.verdict for stand in self.stands(logits)]

    def stands(self, logits: np.ndarray) -> list[Stand]:
        """One for each logit `[rows]`, in order."""
        low, high = self.band
        said: list[Stand] = []
        for p in self.of(logits).round(DIGITS).tolist():
            said.append(Stand(p, "malicious" if p >= high else "benign" if p <= low else "unsure", self.band))
        return said

    def sentences(self) -> list[str]:
        """What whoever trains it wants to know: the map, the band, and each threshold with its interval."""
        low, high = self.band
        benign = f"up to {low:.1%} it says benign" if low >= 0 else "it never says benign"
        malicious = f"from {high:.1%} on malicious" if high <= 1 else "never malicious"
        return [
            f"probabilities by {self.map.kind}; {benign}, {malicious}, and between that it is not sure (each verdict right for "
            f"{SURE:.0%} of the held-back rows)",
            *(each.sentence() for each in self.thresholds),
        ]

    def to_bytes(self) -> bytes:
        return msgspec.json.encode(self, order="deterministic") + b"\n"


def file_of(precision: str) -> str:
    """Each precision has its own, as it has a calibration of its own."""
    return "probability.json" if precision == "fp32" else f"probability.{precision}.json"


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
