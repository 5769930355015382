"""Asks a classifier again about stored windows, to draw what it read: each token with what it carries, and where tokens look.

A store keeps the reasons of a score, which are a few tokens. For the whole picture the bundle is opened, after it was made sure that the
scores are its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from logsentry.errors import UsageError
from logsentry.reports.frequency import FILE as FREQUENCY
from logsentry.reports.token_picture import TokenPicture
from logsentry.schema.event import Event
from logsentry.schema.stored import StoredEvent
from logsentry.schema.window import Window
from logsentry.scoring.looks import FILE, Look, Looks
from logsentry.scoring.occlusion import carried
from logsentry.scoring.scorer import Scorer
from logsentry.scoring.tokens import Tokens
from logsentry.store.verified import Bundle

MOST = 96
"""Tokens of a map at most: more are not told apart on a page."""


class Picturing:
    """Raises `UsageError` where the bundle is no classifier of tokens, or the scores are of another one (`detector`)."""

    def __init__(self, bundle: Bundle, detector: str) -> None:
        if detector.rpartition("@")[2] != bundle.reference.rpartition("@")[2]:
            raise UsageError(f"the scores are of {detector}, and --bundle names {bundle.reference}; name the one that made them")
        scorer = Scorer(bundle)
        judge = scorer.panel.seats[0].judge
        if not isinstance(judge, Tokens):
            raise UsageError(
                f"{bundle.reference} reads log keys and not tokens, so it has no picture of them; leave --bundle out"
            )
        self._keys, self._judge = scorer.keys, judge
        settings = bundle.manifest.parts[0].settings
        self._looks = Looks(bundle.files[FILE], settings, bundle.reference) if FILE in bundle.files else None
        self.frequency = bundle.files.get(FREQUENCY, b"").decode("utf-8", "replace")

    def of(self, key: str, source: str, events: Sequence[StoredEvent]) -> TokenPicture:
        """Of one stored window."""
        window = Window(key, tuple(event_of(each, source) for each in events))
        ids = np.array(self._keys.encode(window))[: self._judge.cost(1 << 30)]
        logit = float(self._judge.malice([ids.tolist()])[0])
        drop = dict(zip(*(each.tolist() for each in carried(ids, logit, self._judge.malice)), strict=True))
        drops = np.array([drop.get(token, 0.0) for token in ids.tolist()])
        look = self._look(ids, drops)
        return TokenPicture(
            logit,
            tuple(self._keys.text(token) for token in ids.tolist()),
            tuple(drops.tolist()),
            tuple(look.places.tolist()) if look else (),
            tuple(map(tuple, look.weights.round(5).tolist())) if look else (),
        )

    def _look(self, ids: np.ndarray, drops: np.ndarray) -> Look | None:
        """Neighbours that carry most of the score; what a token carries is shared out over its places."""
        if self._looks is None:
            return None
        _, number, often = np.unique(ids, return_inverse=True, return_counts=True)
        share = np.maximum(drops, 0.0) / often[number]
        parts = [part for look in self._looks.of(ids) for part in squares(look)]
        return max(parts, key=lambda part: float(share[part.places].sum()))


def squares(look: Look) -> list[Look]:
    """Parts of `MOST` tokens at most, each half over the one before."""
    begins = range(0, max(1, len(look.places) - MOST + MOST // 2), MOST // 2)
    return [look.part(begin, begin + MOST) for begin in begins]


def event_of(stored: StoredEvent, source: str) -> Event:
    return Event(
        stored.id, stored.time, source, stored.fields, stored.message, stored.original.encode("utf-8", "surrogateescape")
    )
