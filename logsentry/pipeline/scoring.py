"""One pass from an input to exporters: decode, window, score, deliver, and keep the books.

Every record that is read gets a ticket, and every ticket is settled once: its events were delivered in their last window, or it
was filtered, or it is in the dead letters, on disk. The cursor moves behind settled records only, so a pass that is cut
off anywhere can be taken up again without losing one; windows that exporters may have by then are in the checkpoint (`in_flight.py`).
A pass that may leave windows open (a scheduled job, or one that was asked to stop) counts their records as open, and the next one
reads them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from logsentry.errors import InputError
from logsentry.pipeline.breaker import Breaker, Notice, unnoticed
from logsentry.pipeline.checkpoint import Checkpoint, Resumed
from logsentry.pipeline.decode import Decoded, position, through
from logsentry.pipeline.deliver import PATIENCE, Delivery, place_of
from logsentry.pipeline.handing import Buries, Handing, Scores, Tally
from logsentry.pipeline.in_flight import InFlight
from logsentry.pipeline.seen import Marks
from logsentry.pipeline.stopping import Stop, Stopped
from logsentry.pipeline.tickets import Tickets
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor, Record
from logsentry.schema.score import Rejected
from logsentry.sdk import Exporter, Input, Progress, Scheduled, Source
from logsentry.stages.closed import Closed
from logsentry.stages.windows import assembler

BATCH = 4000
"""Windows scored and delivered together: many, so that windows of equal length meet in one batch, and a whole number of the requests
(of 2,000 and fewer) that stores get."""

START = Resumed()


class ScoringPass:
    """Scores one input once. `exporters` all have to take a window before its events are settled.

    `seen` remembers what is settled, in place of the checkpoint, which then lists no records. `leave_open` leaves windows open that
    events after the input's watermark may still join; `apart` closes all windows where the input says that it has nothing just now.
    `silent` scores raise no alerts. `patience` is how long an exporter may take nothing, `notice` hears of it.
    """

    def __init__(
        self,
        source: Source,
        scorer: Scores,
        exporters: Sequence[Exporter],
        dead: Buries,
        checkpoint: Checkpoint | None = None,
        *,
        seen: Marks | None = None,
        leave_open: bool = False,
        apart: bool = False,
        silent: bool = False,
        patience: float = PATIENCE,
        notice: Notice = unnoticed,
        stop: Stop | None = None,
    ) -> None:
        self._source, self._dead, self._checkpoint, self._seen = source, dead, checkpoint, seen
        self._leave_open, self._apart, self._stop = leave_open, apart, stop or Stop()
        places = [Delivery(exporter, patience, Breaker(place_of(exporter), notice), self._stop.sleep) for exporter in exporters]
        self._rules = scorer.keys.profile.windows
        self._tickets, self._windows = Tickets(seen), InFlight(assembler(self._rules))
        self._handing = Handing(source.name, scorer, places, dead, self._tickets, silent)
        self.tally: Tally = self._handing.tally
        self._closed: list[Closed] = []
        self.failure: InputError | None = None

    @property
    def stopped(self) -> bool:
        """It was asked to stop before the input ended."""
        return self._stop.asked

    def run(self, input_: Input, progress: Progress, resumed: Resumed = START) -> Books:
        """Read to the end, from where an earlier pass stands; answers the balanced books.

        Where the input breaks off (half an archive) what came before is still scored, and `failure` keeps the reason. Any
        other error leaves the checkpoint at the last settled record.
        """
        self._tickets.resume(resumed)
        self._windows = InFlight(assembler(self._rules), resumed.in_flight)
        with suppress(Stopped):  # while it waited for an exporter: that batch stays open
            self._through(input_, progress, resumed.cursor)
        return self._tickets.ledger.books(leave_open=self._leave_open or self._stop.asked)

    @property
    def _resumable(self) -> bool:
        return self._checkpoint is not None or self._seen is not None

    def _through(self, input_: Input, progress: Progress, after: Cursor | None) -> None:
        try:
            self._read(input_, progress, after)
        except InputError as error:
            self.failure = error
        finally:
            self._save()
        self._end_windows(input_)

    def _read(self, input_: Input, progress: Progress, after: Cursor | None) -> None:
        records = self._stop.records(input_, after)
        for number, decoded in enumerate(through(records, self._source, self._admit), 1):
            if decoded is not None:
                self._take(decoded)
            elif not self._stop.asked:
                self._idle()
            if len(self._closed) >= BATCH:
                self._deliver()
            if self._tickets.ledger.full:
                self._close_all()
            if number % 1000 == 0:
                progress(*position(input_), self.tally.sentence(number))
            if self._stop.asked:  # what a joiner holds stays open too: it may be half an event
                return

    def _idle(self) -> None:
        """The input has nothing just now."""
        if self._apart:
            self._closed.extend(self._windows.flush())

    def _end_windows(self, input_: Input) -> None:
        """Close what is to be closed now that nothing more is read, and deliver it."""
        if self._stop.asked and self._resumable:
            self._deliver()
        elif not self._leave_open:
            if self.failure is None:
                self._tickets.all_read()
            self._close_all()
        else:
            until = input_.watermark() if isinstance(input_, Scheduled) and self.failure is None else None
            if until is not None:
                self._closed.extend(self._windows.incomplete())
                self._closed.extend(self._windows.quiet(until * 1_000_000))
            self._deliver()

    def _admit(self, record: Record) -> bool:
        """False where the record has ended, or ends here, and no source is to see it."""
        if not self._tickets.admit(record):
            return False
        if record.lacks:
            self._take(Decoded((record,), bad=f"the document {record.origin} has no field {record.lacks}"))
        return not record.lacks

    def _take(self, decoded: Decoded) -> None:
        if decoded.bad:
            self._handing.bury(decoded.records, Rejected(decoded.bad))
        if not decoded.events:
            self._tickets.end(decoded.records, "dead_lettered" if decoded.bad else "filtered")
            return
        for event in self._tickets.wait(decoded, "dead_lettered" if decoded.bad else "duplicate"):
            self._closed.extend(self._windows.feed(event))

    def _close_all(self) -> None:
        self._closed.extend(self._windows.flush())
        self._deliver()

    def _deliver(self) -> None:
        """Hand out what is closed, a batch at a time. Each is in the checkpoint before an exporter sees it, and settled there after."""
        closed, self._closed = self._closed, []
        for start in range(0, len(closed), BATCH):
            batch = closed[start : start + BATCH]
            kept = [] if self._checkpoint is None else [each for each in batch if each.window.events]
            if kept:
                self._windows.hand(kept)
                self._save()
            self._handing.hand(batch)
            self._windows.end(kept)
        self._save()

    def _save(self) -> None:
        """Dead letters reach the disk before the cursor may pass them."""
        self._dead.flush()
        if self._seen is not None:
            self._seen.flush()
        cursor, in_flight = self._tickets.cursor, self._windows.listed
        ahead, ended = list(self._tickets.ahead()), list(self._tickets.ended)
        if self._checkpoint is not None and (cursor is not None or in_flight or ahead or ended):
            self._checkpoint.save(cursor, self._tickets.ledger.books(), ahead, in_flight, ended)
