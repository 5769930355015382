"""Closed windows to their end: scored, handed to every exporter, and their events settled.

How long an exporter is waited for is `deliver.py`'s. What is on disk before and after is `scoring.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from logsentry.pipeline.deliver import Delivery, End, worst
from logsentry.pipeline.ledger import Outcome
from logsentry.pipeline.tickets import Tickets
from logsentry.schema.record import Address, Record
from logsentry.schema.score import Delivered, Rejected, Score, Scored
from logsentry.schema.window import Window
from logsentry.stages.closed import Closed
from logsentry.text.keys import Keys


class Buries(Protocol):
    """What takes records that cannot be read or stored, `DeadLetters` or what replays them; on disk after `flush`."""

    def write(self, record: Record, source: str, reason: str, *, status: int = 0, error: str = "", score: str = "") -> None: ...

    def flush(self) -> None: ...


class Scores(Protocol):
    """What scores windows: a `Scorer`, or what stands in for one where windows of several callers are judged together."""

    @property
    def keys(self) -> Keys: ...

    def score(self, windows: Sequence[Window]) -> list[Score]:
        """One score for each window, in the same order."""
        ...


class Tally(msgspec.Struct):
    """What a pass counted beside the books."""

    windows: int = 0
    alerts: int = 0

    def sentence(self, records: int) -> str:
        return f"{records:,} records, {self.windows:,} windows, {self.alerts:,} alerts"


class Handing:
    """All exporters have to take a window before its events are settled. `source` names the kind of log in the dead letters."""

    def __init__(
        self, source: str, scorer: Scores, deliveries: Sequence[Delivery], dead: Buries, tickets: Tickets, silent: bool
    ) -> None:
        self._source, self._scorer, self._deliveries, self._dead = source, scorer, deliveries, dead
        self._tickets, self._silent = tickets, silent
        self.tally = Tally()

    def hand(self, closed: Sequence[Closed]) -> None:
        """Nothing of them is settled where this raises: `Unavailable` where an exporter takes nothing, `Stopped`."""
        full = [c.window for c in closed if c.window.events]
        scored = [self._scored(window, score) for window, score in zip(full, self._scorer.score(full), strict=True)]
        ends = iter(zip(scored, worst([delivery.deliver(scored) for delivery in self._deliveries]), strict=True))
        for c in closed:
            self._settle(c, *(next(ends) if c.window.events else (None, Delivered())))
        self.tally.windows += len(scored)
        self.tally.alerts += sum(item.score.alert for item in scored)

    def bury(self, records: Iterable[Record], why: Rejected, score: str = "") -> None:
        """Into the dead letters; the records are not settled by that."""
        for record in records:
            self._dead.write(record, self._source, why.reason, status=why.status, error=why.error, score=score)

    def _scored(self, window: Window, score: Score) -> Scored:
        return Scored(window, score, self._addresses(window) if self._tickets.addressed else (), self._silent)

    def _addresses(self, window: Window) -> tuple[Address, ...]:
        """Where the window's records stand, in order, each once: a record may have several events."""
        records = (record for event in window.events for record in self._tickets.records(event))
        return tuple(dict.fromkeys(record.address for record in records if record.address is not None))

    def _settle(self, closed: Closed, item: Scored | None, end: End) -> None:
        outcome: Outcome = "dead_lettered" if isinstance(end, Rejected) else "duplicate" if end.duplicate else "scored"
        for event in closed.done:
            if isinstance(end, Rejected):
                self.bury(self._tickets.records(event), end, "" if item is None else item.id)
            self._tickets.settle(event, outcome)
