"""Hands a batch to an exporter until every item has an end: delivered, or rejected for good.

Only the items that asked for another try are sent again, not before the time that the exporter named, with growing, jittered
pauses. Where nothing passes at all (rights, a write block, a server that is down) the breaker makes one item the question. When
nothing has passed for `patience` seconds the pass stops with `Unavailable`: nothing was settled, so the next run takes it up again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from logsentry.errors import ContractBroken, Unavailable
from logsentry.pipeline.breaker import Breaker
from logsentry.schema.score import Delivered, Outcome, Rejected, Retry, Scored
from logsentry.sdk import Exporter

PATIENCE = 60.0
"""Seconds without any item passing, after which a pass that a person waits for gives up."""

LONGEST = 30.0
"""Seconds between two tries of items that the place was too busy for."""

End = Delivered | Rejected


class Delivery:
    """One exporter and how it is doing. `sleep` and `now` are the clock, in seconds; `sleep` may raise to break a wait off."""

    def __init__(
        self,
        exporter: Exporter,
        patience: float = PATIENCE,
        breaker: Breaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exporter, self._patience, self._sleep, self._now = exporter, patience, sleep, now
        self._breaker = breaker or Breaker(place_of(exporter))
        self._chance = random.Random()

    def deliver(self, batch: Sequence[Scored]) -> list[End]:
        """The end of each item, in order. Raises `Unavailable` where nothing passed for as long as patience lasts."""
        ends: list[End | None] = [None] * len(batch)
        waiting, since, tries = list(range(len(batch))), self._now(), 0
        while waiting:
            asked = waiting[:1] if self._breaker.open else waiting
            outcomes = self._ask([batch[at] for at in asked])
            for at, outcome in zip(asked, outcomes, strict=True):
                ends[at] = None if isinstance(outcome, Retry) else outcome
            retries = [outcome for outcome in outcomes if isinstance(outcome, Retry)]
            waiting = [at for at in waiting if ends[at] is None]
            if len(retries) < len(outcomes):
                since, tries = self._now(), 0
            if retries:
                tries += 1
                self._pause(retries, self._after(retries, tries), since, len(waiting), len(batch))
        return [end for end in ends if end is not None]

    def _ask(self, items: Sequence[Scored]) -> list[Outcome]:
        """What the exporter says of each; the breaker learns whether anything passed."""
        outcomes = list(self._exporter.export(items))
        if len(outcomes) != len(items):
            name = type(self._exporter).__qualname__
            raise ContractBroken(
                f"the exporter {name} of {type(self._exporter).__module__} answered {len(outcomes)} outcomes for {len(items)} scores"
            )
        stuck = [outcome for outcome in outcomes if isinstance(outcome, Retry) and outcome.paused]
        if stuck and len(stuck) == len(outcomes):
            self._breaker.failed(stuck[0].reason)
        elif outcomes:
            self._breaker.passed()
        return outcomes

    def _after(self, retries: Sequence[Retry], tries: int) -> float:
        """Not shorter than what any item was told to wait; otherwise half fixed, half drawn."""
        whole = min(LONGEST, 2.0 ** min(tries, 16) / 4)
        drawn = self._breaker.wait() if self._breaker.open else whole / 2 + self._chance.uniform(0, whole / 2)
        return max(drawn, *(retry.after for retry in retries))

    def _pause(self, retries: Sequence[Retry], seconds: float, since: float, left: int, of: int) -> None:
        spent = self._now() - since
        if spent + seconds > self._patience:
            raise Unavailable(
                f"{left:,} of {of:,} scores could not be delivered in {self._patience:g} seconds: {retries[0].reason}; nothing of them "
                "is lost: the next run takes them up again"
            )
        self._sleep(seconds)


def worst(each: Sequence[Sequence[End]]) -> list[End]:
    """The end of each item over several exporters: rejected by one, else new to one, else a duplicate for all."""
    ends: list[End] = []
    for outcomes in zip(*each, strict=True):
        rejected = next((outcome for outcome in outcomes if isinstance(outcome, Rejected)), None)
        ends.append(rejected or Delivered(all(isinstance(o, Delivered) and o.duplicate for o in outcomes)))
    return ends


def place_of(exporter: Exporter) -> str:
    """What a person calls the place: its own `place`, where the exporter has one, else the name of its class."""
    named = getattr(exporter, "place", "")
    return named if isinstance(named, str) and named else f"the exporter {type(exporter).__qualname__}"
