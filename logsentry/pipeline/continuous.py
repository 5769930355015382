"""A pass without end, over an input that others fill: it closes windows as time goes by, and delivers them soon.

A session ends by event time. While nothing arrives event time goes on with the clock, so the last session of a quiet entity ends
one gap after its last event was read. Windows that wait for a count, or for an event that does not come, would hold the cursor for
ever: when the oldest record has waited for `hold` seconds all windows are closed, also when the place that keeps the input grows full.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from logsentry.pipeline.breaker import Notice, unnoticed
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.decode import Decoded, of_joined
from logsentry.pipeline.deliver import PATIENCE
from logsentry.pipeline.handing import Buries, Scores
from logsentry.pipeline.scoring import ScoringPass
from logsentry.pipeline.seen import Marks
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor, Record
from logsentry.sdk import Exporter, Joined, Joiner, Joining, Source

HOLD = 3600.0
LATE = 60.0
"""Seconds that the events of one forwarder may lie behind those of another and still find their windows open."""

AHEAD = 86_400_000_000_000
"""Nanoseconds that an event may lie in the future and be believed: one wrong clock must not end everybody's sessions."""


LULL = 5.0
"""Seconds without a record, after which an event is complete though its last record did not come."""


class Joins:
    """A source whose joiner can be asked for what it holds."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._joiner: Joiner | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def joiner(self) -> Joiner:
        self._joiner = cast(Joining, self._source).joiner()
        return self._joiner

    def held(self) -> Iterator[Joined]:
        return iter(()) if self._joiner is None else self._joiner.flush()


class ContinuousPass(ScoringPass):
    """`saved` hears each cursor that has reached the disk, None before the first; `pressed` says that room is short. `now` counts
    seconds, `wall` is the time in nanoseconds since 1970."""

    def __init__(
        self,
        source: Source,
        scorer: Scores,
        exporters: Sequence[Exporter],
        dead: Buries,
        checkpoint: Checkpoint,
        seen: Marks,
        *,
        saved: Callable[[Cursor | None], None],
        pressed: Callable[[], bool] = lambda: False,
        hold: float = HOLD,
        patience: float = PATIENCE,
        notice: Notice = unnoticed,
        stop: Stop | None = None,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._joins = Joins(source) if isinstance(source, Joining) else None
        super().__init__(
            source if self._joins is None else cast(Source, self._joins),
            scorer,
            exporters,
            dead,
            checkpoint,
            seen=seen,
            leave_open=True,
            patience=patience,
            notice=notice,
            stop=stop,
        )
        self._saved, self._pressed, self._now, self._wall = saved, pressed, now, wall
        rule = scorer.keys.profile.windows.session
        self._hold = hold if rule is None else max(hold, rule.max_age_seconds + rule.gap_seconds)
        self._late = LATE if rule is None else min(LATE, rule.gap_seconds / 2)
        self._gap = int((LATE if rule is None else rule.gap_seconds) * 1e9)
        self._clock: int | None = None
        """The latest time of an event, in nanoseconds since 1970, and when it was read; `_behind` says that older ones come just now."""
        self._newest_at, self._behind = now(), False
        self._read_at, self._unsaved = now(), False
        self._oldest, self._oldest_since = 0, now()

    @property
    def books(self) -> Books:
        """As they stand; what waits in windows is open."""
        return self._tickets.ledger.books(leave_open=True)

    def _admit(self, record: Record) -> bool:
        self._read_at, self._unsaved = self._now(), True
        return super()._admit(record)

    def _take(self, decoded: Decoded) -> None:
        for event in decoded.events:
            if event.time is not None and event.time <= self._wall() + AHEAD and not self._tickets.waits(event):
                self._hear(event.time)
        super()._take(decoded)

    def _hear(self, time: int) -> None:
        """An event of this time was read. One that is older by more than a gap sets the clock back where nothing newer came for a gap;
        until then it is not known whose time counts, and neither the old sessions nor the new ones are ended by the clock."""
        now = self._now()
        self._behind = self._clock is not None and time < self._clock - self._gap
        if self._clock is None or (self._behind and now - self._newest_at > self._gap / 1e9):
            self._clock, self._newest_at, self._behind = time, now, False
        elif not self._behind:
            self._clock, self._newest_at = max(self._clock, time), now

    def _idle(self) -> None:
        """Called at each None."""
        now = self._now()
        if self._joins is not None and now - self._read_at > LULL:
            for joined in self._joins.held():
                self._take(of_joined(joined))
        if self._clock is not None and (not self._behind or now - self._read_at > self._gap / 1e9):
            self._closed.extend(self._windows.quiet(self._clock + int((now - self._read_at - self._late) * 1e9)))
        if self._held_too_long(now) or (self._tickets.ledger.open and self._pressed()):
            self._close_all()
        elif self._closed or self._unsaved:
            self._deliver()

    def _held_too_long(self, now: float) -> bool:
        if self._oldest != self._tickets.ledger.oldest or not self._tickets.ledger.open:
            self._oldest, self._oldest_since = self._tickets.ledger.oldest, now
        if now - self._oldest_since <= self._hold:
            return False
        self._oldest_since = now  # what a joiner holds is not in a window, so closing them all may not free it
        return True

    def _save(self) -> None:
        super()._save()
        self._unsaved = False
        self._saved(self._tickets.ledger.cursor)
