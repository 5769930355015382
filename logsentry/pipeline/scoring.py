"""One pass from an input to exporters: decode, window, score, deliver, and keep the books.

Every record that is read gets a ticket, and every ticket is settled once: its events were delivered in their last window, or it
was filtered, or it is in the dead letters, on disk. The cursor moves behind settled records only, so a pass that is cut
off anywhere can be taken up again without losing one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from logsentry.errors import InputError
from logsentry.pipeline.checkpoint import Checkpoint, Place
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.decode import Decoded, position, read
from logsentry.pipeline.deliver import deliver
from logsentry.pipeline.ledger import Ledger, Outcome
from logsentry.schema.books import Books
from logsentry.schema.event import Event
from logsentry.schema.record import Cursor, Record
from logsentry.schema.score import Delivered, Rejected, Scored
from logsentry.scoring.scorer import Scorer
from logsentry.sdk import Exporter, Input, Progress, Source
from logsentry.stages.closed import Closed
from logsentry.stages.windows import assembler

BATCH = 4096
"""Windows scored and delivered together: many, so that windows of equal length meet in one batch."""

OPEN_RECORDS = 1_000_000
"""Records that may wait in open windows; past it all windows are closed, so that memory is bounded and the cursor moves."""

_WORST: tuple[Outcome, ...] = ("duplicate", "scored", "dead_lettered")


class _Waiting(msgspec.Struct):
    """Records whose events are in open windows: how many still are, and the worst end that one of them had."""

    tickets: Mapping[int, Place]
    records: tuple[Record, ...]
    left: int
    end: Outcome = "duplicate"


class Tally(msgspec.Struct):
    """What a pass counted beside the books."""

    windows: int = 0
    alerts: int = 0

    def sentence(self, records: int) -> str:
        return f"{records:,} records, {self.windows:,} windows, {self.alerts:,} alerts"


class ScoringPass:
    """Scores one input once. `exporters` all have to take a window before its events are settled."""

    def __init__(
        self,
        source: Source,
        scorer: Scorer,
        exporters: Sequence[Exporter],
        dead: DeadLetters,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._source, self._scorer, self._exporters, self._dead, self._checkpoint = source, scorer, exporters, dead, checkpoint
        self._ledger = Ledger(OPEN_RECORDS)
        self._windows = assembler(scorer.keys.profile.windows)
        self._tickets: dict[Place, list[int]] = {}  # of records that were read and not decoded yet
        self._done: set[Place] = set()  # settled before an earlier pass was cut off
        self._ahead: dict[int, Place] = {}  # settled in this pass, while an earlier record is still open
        self._waiting: dict[str, _Waiting] = {}
        self._closed: list[Closed] = []
        self.tally = Tally()
        self.failure: InputError | None = None

    def run(self, input_: Input, progress: Progress, after: Cursor | None = None, done: Iterable[Place] = ()) -> Books:
        """Read to the end, from `after` on but for the records in `done`; answers the balanced books.

        Where the input breaks off (half an archive) what came before is still scored, and `failure` keeps the reason. Any
        other error leaves the checkpoint at the last settled record.
        """
        self._done = set(done)
        try:
            self._read(input_, progress, after)
        except InputError as error:
            self.failure = error
        finally:
            self._save()
        self._close_all()
        return self._ledger.books()

    def _read(self, input_: Input, progress: Progress, after: Cursor | None) -> None:
        for number, decoded in enumerate(read(input_, self._source, after, self._admit), 1):
            if decoded is not None:
                self._take(decoded)
            if len(self._closed) >= BATCH:
                self._deliver()
            if self._ledger.full:
                self._close_all()
            if number % 1000 == 0:
                progress(*position(input_), self.tally.sentence(number))

    def _admit(self, record: Record) -> bool:
        """Give the record a ticket; False where an earlier pass has settled it, so that it is in no window twice."""
        place, ticket = (record.origin, record.offset), self._ledger.admit(record.cursor)
        if place in self._done:
            self._end({ticket: place}, "duplicate")
            return False
        self._tickets.setdefault(place, []).append(ticket)
        return True

    def _take(self, decoded: Decoded) -> None:
        tickets = {self._ticket(record): (record.origin, record.offset) for record in decoded.records}
        if decoded.bad:
            self._bury(decoded.records, decoded.bad)
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

    def _end(self, tickets: Mapping[int, Place], outcome: Outcome) -> None:
        for ticket, place in tickets.items():
            self._ledger.settle(ticket, outcome)
            self._ahead[ticket] = place

    def _window(self, tickets: Mapping[int, Place], decoded: Decoded, end: Outcome) -> None:
        """Put the events into windows; one that is in an open window already (the same file twice) is a duplicate.

        `end` is the least that the records will have ended as.
        """
        fresh = [event for event in decoded.events if event.id not in self._waiting]
        if not fresh:
            self._end(tickets, end)
            return
        waiting = _Waiting(tickets, decoded.records, len(fresh), end)
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
            scored = [Scored(window, score) for window, score in zip(full, self._scorer.score(full), strict=True)]
            ends = iter(self._ends(scored))
            for c in part:
                self._settle(c.done, next(ends) if c.window.events else Delivered())
            self.tally.windows += len(scored)
            self.tally.alerts += sum(item.score.alert for item in scored)
        self._save()

    def _ends(self, scored: Sequence[Scored]) -> list[Delivered | Rejected]:
        """The worst end of each window over the exporters: rejected by one, else new to one, else a duplicate for all."""
        each = [deliver(exporter, scored) for exporter in self._exporters]
        ends: list[Delivered | Rejected] = []
        for outcomes in zip(*each, strict=True):
            rejected = next((outcome for outcome in outcomes if isinstance(outcome, Rejected)), None)
            ends.append(rejected or Delivered(all(isinstance(o, Delivered) and o.duplicate for o in outcomes)))
        return ends

    def _settle(self, events: Sequence[Event], end: Delivered | Rejected) -> None:
        for event in events:
            waiting = self._waiting.pop(event.id)
            waiting.left -= 1
            outcome: Outcome = "dead_lettered" if isinstance(end, Rejected) else "duplicate" if end.duplicate else "scored"
            waiting.end = max(waiting.end, outcome, key=_WORST.index)
            if isinstance(end, Rejected):
                self._bury(waiting.records, end.reason)
            if waiting.left == 0:
                self._end(waiting.tickets, waiting.end)

    def _bury(self, records: Sequence[Record], reason: str) -> None:
        for record in records:
            self._dead.write(record, self._source.name, reason)

    def _save(self) -> None:
        """Dead letters reach the disk before the cursor may pass them."""
        self._dead.flush()
        oldest = self._ledger.oldest
        self._ahead = {ticket: place for ticket, place in self._ahead.items() if ticket > oldest}
        if self._checkpoint is not None and self._ledger.cursor is not None:
            self._checkpoint.save(self._ledger.cursor, self._ledger.books(), self._ahead.values())
