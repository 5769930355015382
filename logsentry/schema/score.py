"""What a detector says of a window, and what became of saying it."""

from __future__ import annotations

from hashlib import blake2b
from math import isfinite
from typing import Any, Literal

import msgspec

from logsentry.schema.event import timestamp
from logsentry.schema.record import Address
from logsentry.schema.window import Window


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that made the score: which event, what it was, and what the detector expected there instead.

    `event` is the id of an event of the window, or empty where the reason is about the window as a whole (its end came
    early, it lies far from the centre of normal windows). `rank` counts the keys that were held likelier than the one seen.
    """

    what: str
    event: str = ""
    position: int = -1
    seen: str = ""
    expected: tuple[str, ...] = ()
    rank: int = -1


class Score(msgspec.Struct, frozen=True):
    """`value` is higher for stranger windows; `p_value` is the share of held-back normal windows at least as strange.

    A classifier that knows labels also gives the `probability` that the window is malicious, and says that it is `uncertain` where
    that lies in the band in which neither verdict was right often enough.
    """

    detector: str
    value: float
    p_value: float
    threshold: float
    why: tuple[Reason, ...] = ()
    votes: str = ""
    degraded: bool = False
    probability: float | None = None
    uncertain: bool = False

    @property
    def alert(self) -> bool:
        return self.value >= self.threshold

    @property
    def risk(self) -> float:
        """0 to 100: 50 at the threshold, and half of what is left to 100 for each further threshold; stores that sort by risk share it.

        It says how far beyond the threshold a score lies and is no probability.
        """
        if self.threshold <= 0 or not isfinite(self.value):
            return 100.0 if self.alert else 0.0
        return round(100 * (1 - 2 ** -max(0.0, self.value / self.threshold)), 2)

    @property
    def severity(self) -> Literal["low", "medium", "high", "critical"]:
        """By risk: medium from the threshold on, high from twice, critical from three and a third times of it."""
        return "low" if self.risk < 50 else "medium" if self.risk < 75 else "high" if self.risk < 90 else "critical"


class Scored(msgspec.Struct, frozen=True):
    """What exporters receive: a window and its score.

    `addresses` are where the window's records stand in a document store, in order; empty where they come from elsewhere. `silent`
    means that the score is kept and nobody is to be alerted: it belongs to a backfill.
    """

    window: Window
    score: Score
    addresses: tuple[Address, ...] = ()
    silent: bool = False

    @property
    def id(self) -> str:
        """The same window scored by the same detector always has this id, whatever run it was in."""
        parts = "\0".join([self.score.detector, *(event.id for event in self.window.events)])
        return blake2b(parts.encode(), digest_size=16).hexdigest()

    def document(self) -> dict[str, Any]:
        """The line that `logsentry score` writes; `probability` and `uncertain` are there where the detector gives them."""
        score, window = self.score, self.window
        sure = {} if score.probability is None else {"probability": score.probability, "uncertain": score.uncertain}
        return {
            "id": self.id,
            "@timestamp": None if window.time is None else timestamp(window.time),
            "source": window.events[0].source,
            "detector": score.detector,
            "value": score.value,
            "p_value": score.p_value,
            "threshold": score.threshold,
            "alert": score.alert,
            "why": [msgspec.to_builtins(reason) for reason in score.why],
            "votes": score.votes,
            "degraded": score.degraded,
            **sure,
            "key": window.key,
            "events": len(window.events),
        }


class Delivered(msgspec.Struct, frozen=True, tag=True):
    """The exporter stored it; `duplicate` says that it was there already."""

    duplicate: bool = False


class Retry(msgspec.Struct, frozen=True, tag=True):
    """Not now: try again after so many seconds.

    `paused` means that nothing will pass until a person, or time, has mended what the reason names (rights, a write block, a missing
    index, a server that is down): the pipe then waits and asks with one item at a time.
    """

    reason: str
    after: float = 0.0
    paused: bool = False


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """Never: the item goes to the dead letters with this reason; `status` and `error` (its type) are a server's, where one said so."""

    reason: str
    status: int = 0
    error: str = ""


Outcome = Delivered | Retry | Rejected
