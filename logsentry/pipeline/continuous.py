"""A pass without end, over an input that others fill: it closes windows as time goes by, and delivers them soon.

A session ends by event time. While nothing arrives event time goes on with the clock, so the last session of a quiet entity ends
one gap after its last event was read. Windows that wait for a count, or for an event that does not come, would hold the cursor for ever: when the
oldest record has waited for `hold` seconds all windows are closed, also when the place that the input is kept in grows full.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from logsentry.pipeline.breaker import Notice, unnoticed
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.decode import Decoded
from logsentry.pipeline.deliver import PATIENCE
from logsentry.pipeline.scoring import Buries, Scores, ScoringPass
from logsentry.pipeline.seen import Marks
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor, Record
from logsentry.sdk import Exporter, Source

HOLD = 3600.0


class ContinuousPass(ScoringPass):
    """`saved` hears each cursor that has reached the disk, `pressed` says that room is short, `now` is the clock in seconds."""

    def __init__(
        self,
        source: Source,
        scorer: Scores,
        exporters: Sequence[Exporter],
        dead: Buries,
        checkpoint: Checkpoint,
        seen: Marks,
        *,
        saved: Callable[[Cursor], None],
        pressed: Callable[[], bool] = lambda: False,
        hold: float = HOLD,
        patience: float = PATIENCE,
        notice: Notice = unnoticed,
        stop: Stop | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            source, scorer, exporters, dead, checkpoint, seen=seen, leave_open=True, patience=patience, notice=notice, stop=stop
        )
        self._saved, self._pressed, self._now = saved, pressed, now
        rule = scorer.keys.profile.windows.session
        self._hold = hold if rule is None else max(hold, rule.max_age_seconds + rule.gap_seconds)
        self._clock: int | None = None
        """The latest time of an event, in nanoseconds since 1970."""
        self._read_at, self._unsaved = now(), False
        self._oldest, self._oldest_since = 0, now()

    @property
    def books(self) -> Books:
        """As they stand; what waits in windows is open."""
        return self._ledger.books(leave_open=True)

    def _admit(self, record: Record) -> bool:
        """A document that lacks the field of its record is dead-lettered; no source is asked what it makes of nothing."""
        self._read_at, self._unsaved = self._now(), True
        if not super()._admit(record):
            return False
        lacks = record.cursor.get("lacks")
        if lacks:
            self._take(Decoded((record,), bad=f"the document has no text in the field {lacks}"))
        return not lacks

    def _take(self, decoded: Decoded) -> None:
        times = [event.time for event in decoded.events if event.time is not None]
        if times:
            self._clock = max(times) if self._clock is None else max(self._clock, *times)
        super()._take(decoded)

    def _idle(self) -> None:
        """Called at each None."""
        now = self._now()
        if self._clock is not None:
            self._closed.extend(self._windows.quiet(self._clock + int((now - self._read_at) * 1e9)))
        if self._held_too_long(now) or (self._ledger.open and self._pressed()):
            self._close_all()
        elif self._closed or self._unsaved:
            self._deliver()

    def _held_too_long(self, now: float) -> bool:
        if self._oldest != self._ledger.oldest or not self._ledger.open:
            self._oldest, self._oldest_since = self._ledger.oldest, now
        if now - self._oldest_since <= self._hold:
            return False
        self._oldest_since = now  # what a joiner holds is not in a window, so closing them all may not free it
        return True

    def _save(self) -> None:
        super()._save()
        self._unsaved = False
        if self._ledger.cursor is not None:
            self._saved(self._ledger.cursor)
