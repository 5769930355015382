"""What a detector says of a window, and what became of saying it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from logsentry.schema.event import timestamp
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


class Scored(msgspec.Struct, frozen=True):
    """What exporters receive: a window and its score."""

    window: Window
    score: Score

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
    """Not now: try again after so many seconds."""

    reason: str
    after: float = 0.0


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """Never: the item goes to the dead letters with this reason."""

    reason: str


Outcome = Delivered | Retry | Rejected
