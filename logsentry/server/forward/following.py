"""The bundle that a forwarder scores with, and another one in its place once its name in the store points there.

Everything here happens in the forwarder's own thread and between two batches: the new bundle is verified, answers its probe and a first
batch, and the next batch is its. One that is refused changes nothing and is tried again later. A score's id is made with its bundle, so
windows that an exporter may have taken already, when a pass broke off before they were settled, must meet the same bundle again: until
they have, no other one is taken.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from logsentry.config import Forward
from logsentry.errors import LogsentryError
from logsentry.pipeline.opening import scorer_of
from logsentry.schema.score import Score
from logsentry.schema.window import Window
from logsentry.scoring.scorer import Scorer
from logsentry.server.refusals import Refusals
from logsentry.server.served import warm_up
from logsentry.store.bundles import Store
from logsentry.text.keys import Keys

LOG = logging.getLogger("logsentry.server")


class _Given(msgspec.Struct, frozen=True):
    """Windows that were scored together, and how many that made in this pass."""

    windows: Sequence[Window]
    until: int


class Following:
    """What scores, for `ContinuousPass`. `open_` makes the scorer of what the name means now, `pointed` tells the digest that the name
    points to, empty where it points nowhere. The store is looked at every `every` seconds of `now` at most."""

    def __init__(
        self,
        scorer: Scorer,
        open_: Callable[[], Scorer],
        pointed: Callable[[], str],
        every: float = 2.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scorer = scorer
        self.refused = ""
        """Why the newest bundle of the name does not score."""
        self._open, self._pointed, self._every, self._now = open_, pointed, every, now
        self._followed, self._again = scorer.bundle.digest, 0.0
        self._refusals = Refusals(now)
        self._given: deque[_Given] = deque()
        self._windows = 0
        self._owed: set[str] = set()

    @property
    def keys(self) -> Keys:
        return self.scorer.keys

    @property
    def digest(self) -> str:
        return self.scorer.bundle.digest

    @property
    def reference(self) -> str:
        """`name@digest`, as its scores say it."""
        return self.scorer.bundle.reference

    def score(self, windows: Sequence[Window]) -> list[Score]:
        scores = self.scorer.score(windows)
        self._windows += len(windows)
        self._given.append(_Given(windows, self._windows))
        return scores

    def settled(self, windows: int) -> None:
        """So many windows of this pass were delivered, and that is on disk."""
        while self._given and self._given[0].until <= windows:
            given = self._given.popleft()
            if self._owed:
                self._owed.difference_update(_events(given))

    def begin(self) -> None:
        """A pass begins. What the one before gave out and did not settle is owed."""
        for given in self._given:
            self._owed.update(_events(given))
        self._given.clear()
        self._windows = 0

    def forgive(self) -> None:
        """All that was ever given out and not settled in time is settled by now."""
        self._owed.clear()

    def newer(self) -> Scorer | None:
        """A scorer for what the name points to now, ready to score, where that is another bundle; it does not score before `take`."""
        if self._now() < self._again:
            return None
        self._again = self._now() + self._every
        try:
            pointed = self._pointed()
        except (LogsentryError, OSError) as error:  # the store is away, or somebody writes there; what scores is in memory
            self._refuse(str(error))
            return None
        if pointed in ("", self._followed):
            self.refused = ""
            return None
        return None if self._owed or not self._refusals.due("", pointed) else self._opened(pointed)

    def _opened(self, pointed: str) -> Scorer | None:
        try:
            fresh = self._open()
        except LogsentryError as error:
            self._refuse(str(error))
        except Exception as error:  # the boundary around a bundle: what scores goes on
            LOG.exception("a defect: a bundle cannot be opened")
            self._refuse(f"the newest bundle cannot be opened: {type(error).__name__}")
        else:
            self.refused = ""
            if fresh.bundle.digest != self.digest:
                return fresh
            self._followed = pointed  # the name means what it meant before, whatever it points to
            return None
        self._refusals.postpone("", pointed, self._every)
        return None

    def _refuse(self, why: str) -> None:
        if why != self.refused:
            LOG.warning("%s scores on: %s", self.reference, why)
        self.refused = why

    def take(self, fresh: Scorer) -> None:
        """From here on it scores."""
        LOG.info("%s scores in place of %s", fresh.bundle.reference, self.reference)
        self.scorer, self._followed = fresh, fresh.bundle.digest


def _events(given: _Given) -> list[str]:
    return [event.id for window in given.windows for event in window.events]


def followed(config: Forward, every: float) -> Following:
    """What scores for a configuration. Raises what `opened` raises."""
    store, name = Path(config.bundle.store), config.bundle.name
    return Following(opened(config), lambda: opened(config), lambda: next(reversed(Store(store).history(name)), ""), every)


def opened(config: Forward) -> Scorer:
    """What the configuration's bundle is now, warm. Raises what `logsentry.pipeline.opening.parts` raises for it."""
    scorer = scorer_of(config)
    scorer.judge(warm_up(scorer.bundle))
    return scorer
