"""One pass from an input to exporters: decode, window, score, deliver, and keep the books.

Every record that is read gets a ticket, and every ticket is settled once: its events were delivered in their last window, or it
was filtered, or it is in the dead letters, on disk. The cursor moves behind settled records only, so a pass that is cut
off anywhere can be taken up again without losing one. A pass that may leave windows open (a scheduled job, or one that was asked to
stop) counts their records as open, and the next one reads them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from logsentry.errors import InputError
from logsentry.pipeline.breaker import Breaker, Notice, unnoticed
from logsentry.pipeline.checkpoint import Checkpoint, Place
from logsentry.pipeline.decode import Decoded, position, through
from logsentry.pipeline.deliver import PATIENCE, Delivery, place_of
from logsentry.pipeline.ledger import Ledger, Outcome
from logsentry.pipeline.seen import Marks
from logsentry.pipeline.stopping import Stop, Stopped
from logsentry.schema.books import Books
from logsentry.schema.event import Event
from logsentry.schema.record import Address, Cursor, Record
from logsentry.schema.score import Delivered, Rejected, Score, Scored
from logsentry.schema.window import Window
from logsentry.sdk import Exporter, Input, Progress, Scheduled, Source
from logsentry.stages.closed import Closed
from logsentry.stages.windows import assembler
from logsentry.text.keys import Keys

BATCH = 4096
"""Windows scored and delivered together: many, so that windows of equal length meet in one batch."""

OPEN_RECORDS = 1_000_000
"""Records that may wait in open windows; past it all windows are closed, so that memory is bounded and the cursor moves."""

_WORST: tuple[Outcome, ...] = ("duplicate", "scored", "dead_lettered")


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


class _Waiting(msgspec.Struct):
    """Records whose events are in open windows: how many still are, and the worst end that one of them had."""

    tickets: Mapping[int, Record]
    left: int
    end: Outcome = "duplicate"


class Tally(msgspec.Struct):
    """What a pass counted beside the books."""

    windows: int = 0
    alerts: int = 0

    def sentence(self, records: int) -> str:
        return f"{records:,} records, {self.windows:,} windows, {self.alerts:,} alerts"


class ScoringPass:
    """Scores one input once. `exporters` all have to take a window before its events are settled.

    `seen` remembers what is settled, in place of the checkpoint, which then keeps the cursor alone. `leave_open` leaves windows open that
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
        self._source, self._scorer, self._dead, self._checkpoint, self._seen = source, scorer, dead, checkpoint, seen
        self._leave_open, self._apart, self._silent, self._stop = leave_open, apart, silent, stop or Stop()
        self._deliveries = [
            Delivery(exporter, patience, Breaker(place_of(exporter), notice), self._stop.sleep) for exporter in exporters
        ]
        self._ledger = Ledger(OPEN_RECORDS)
        self._windows = assembler(scorer.keys.profile.windows)
        self._tickets: dict[Place, list[int]] = {}  # of records that were read and not decoded yet
        self._done: set[Place] = set()  # settled before an earlier pass was cut off
        self._ahead: dict[int, Place] = {}  # settled in this pass, while an earlier record is still open
        self._waiting: dict[str, _Waiting] = {}
        self._closed: list[Closed] = []
        self._addressed = False
        self.tally = Tally()
        self.failure: InputError | None = None

    @property
    def stopped(self) -> bool:
        """It was asked to stop before the input ended."""
        return self._stop.asked

    def run(self, input_: Input, progress: Progress, after: Cursor | None = None, done: Iterable[Place] = ()) -> Books:
        """Read to the end, from `after` on but for the records in `done`; answers the balanced books.

        Where the input breaks off (half an archive) what came before is still scored, and `failure` keeps the reason. Any
        other error leaves the checkpoint at the last settled record.
        """
        self._done = set(done)
        with suppress(Stopped):  # while it waited for an exporter: that batch stays open
            self._through(input_, progress, after)
        return self._ledger.books(leave_open=self._leave_open or self._stop.asked)

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
            if self._ledger.full:
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
            self._close_all()
        else:
            until = input_.watermark() if isinstance(input_, Scheduled) and self.failure is None else None
            if until is not None:
                self._closed.extend(self._windows.quiet(until * 1_000_000))
            self._deliver()

    def _admit(self, record: Record) -> bool:
        """Give the record a ticket; False where an earlier pass has settled it, so that it is in no window twice."""
        place, ticket = (record.origin, record.offset), self._ledger.admit(record.cursor)
        if record.address is not None:
            self._addressed = True
        if self._settled_before(record, place):
            self._ledger.settle(ticket, "duplicate")
            if place in self._done:
                self._ahead[ticket] = place
            return False
        self._tickets.setdefault(place, []).append(ticket)
        if record.lacks:
            self._take(Decoded((record,), bad=f"the document {record.origin} has no field {record.lacks}"))
        return not record.lacks

    def _settled_before(self, record: Record, place: Place) -> bool:
        return place in self._done if self._seen is None else record in self._seen

    def _take(self, decoded: Decoded) -> None:
        tickets = {self._ticket(record): record for record in decoded.records}
        if decoded.bad:
            self._bury(decoded.records, Rejected(decoded.bad))
        if decoded.events:
            self._window(tickets, decoded, "dead_lettered" if decoded.bad else "duplicate")
        else:
            self._end(tickets, "dead_lettered" if decoded.bad else "filtered")

    def _ticket(self, record: Record) -> int:
        key = (record.origin, record.offset)
        tickets = self._tickets[key]
        if len(tickets) == 1:
            del self._tickets[key]
        return tickets.pop(0)

    def _end(self, tickets: Mapping[int, Record], outcome: Outcome) -> None:
        for ticket, record in tickets.items():
            self._ledger.settle(ticket, outcome)
            if self._seen is not None:
                self._seen.add(record)
            else:
                self._ahead[ticket] = (record.origin, record.offset)

    def _window(self, tickets: Mapping[int, Record], decoded: Decoded, end: Outcome) -> None:
        """Put the events into windows; one that is in an open window already (the same file twice) is a duplicate.

        `end` is the least that the records will have ended as.
        """
        fresh = [event for event in decoded.events if event.id not in self._waiting]
        if not fresh:  # its first copy is still open, so it is not said to be done
            for ticket in tickets:
                self._ledger.settle(ticket, end)
            return
        waiting = _Waiting(tickets, len(fresh), end)
        for event in fresh:
            self._waiting[event.id] = waiting
        for event in fresh:
            self._closed.extend(self._windows.feed(event))

    def _close_all(self) -> None:
        self._closed.extend(self._windows.flush())
        self._deliver()

    def _deliver(self) -> None:
        """Score what is closed, hand it to every exporter, then settle the events that no later window will hold."""
        closed, self._closed = self._closed, []
        for start in range(0, len(closed), BATCH):
            part = closed[start : start + BATCH]
            full = [c.window for c in part if c.window.events]
            scored = [self._scored(window, score) for window, score in zip(full, self._scorer.score(full), strict=True)]
            ends = iter(zip(scored, self._ends(scored), strict=True))
            for c in part:
                self._settle(c.done, *(next(ends) if c.window.events else (None, Delivered())))
            self.tally.windows += len(scored)
            self.tally.alerts += sum(item.score.alert for item in scored)
        self._save()  # once for all: a session that is cut in two by a fall between two parts would come out otherwise

    def _scored(self, window: Window, score: Score) -> Scored:
        return Scored(window, score, self._addresses(window) if self._addressed else (), self._silent)

    def _addresses(self, window: Window) -> tuple[Address, ...]:
        """Where the window's records stand, in order, each once: a record may have several events."""
        records = (record for event in window.events for record in self._waiting[event.id].tickets.values())
        return tuple(dict.fromkeys(record.address for record in records if record.address is not None))

    def _ends(self, scored: Sequence[Scored]) -> list[Delivered | Rejected]:
        """The worst end of each window over the exporters: rejected by one, else new to one, else a duplicate for all."""
        each = [delivery.deliver(scored) for delivery in self._deliveries]
        ends: list[Delivered | Rejected] = []
        for outcomes in zip(*each, strict=True):
            rejected = next((outcome for outcome in outcomes if isinstance(outcome, Rejected)), None)
            ends.append(rejected or Delivered(all(isinstance(o, Delivered) and o.duplicate for o in outcomes)))
        return ends

    def _settle(self, events: Sequence[Event], item: Scored | None, end: Delivered | Rejected) -> None:
        for event in events:
            waiting = self._waiting.pop(event.id)
            waiting.left -= 1
            outcome: Outcome = "dead_lettered" if isinstance(end, Rejected) else "duplicate" if end.duplicate else "scored"
            waiting.end = max(waiting.end, outcome, key=_WORST.index)
            if isinstance(end, Rejected):
                self._bury(waiting.tickets.values(), end, "" if item is None else item.id)
            if waiting.left == 0:
                self._end(waiting.tickets, waiting.end)

    def _bury(self, records: Iterable[Record], why: Rejected, score: str = "") -> None:
        for record in records:
            self._dead.write(record, self._source.name, why.reason, status=why.status, error=why.error, score=score)

    def _save(self) -> None:
        """Dead letters reach the disk before the cursor may pass them."""
        self._dead.flush()
        if self._seen is not None:
            self._seen.flush()
        oldest = self._ledger.oldest
        self._ahead = {ticket: place for ticket, place in self._ahead.items() if ticket > oldest}
        if self._checkpoint is not None and self._ledger.cursor is not None:
            self._checkpoint.save(self._ledger.cursor, self._ledger.books(), self._ahead.values())
