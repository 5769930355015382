"""Which records are open, because events of theirs wait in windows, and what is settled, in this pass or an earlier one.

The ledger (`ledger.py`) knows tickets and cursors; this knows the records and the events behind them. What made an event's end is
`handing.py`'s, when it is on disk `scoring.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from logsentry.pipeline.checkpoint import Resumed
from logsentry.pipeline.decode import Decoded
from logsentry.pipeline.generation import Place
from logsentry.pipeline.ledger import Ledger, Outcome
from logsentry.pipeline.seen import Marks
from logsentry.schema.event import Event
from logsentry.schema.record import Cursor, Record

OPEN_RECORDS = 1_000_000
"""Records that may wait in open windows; past it all windows are closed, so that memory is bounded and the cursor moves."""

_WORST: tuple[Outcome, ...] = ("duplicate", "scored", "dead_lettered")


class _Waiting(msgspec.Struct):
    """Records whose events are in open windows: how many still are, the worst end that one of them had, and which have ended."""

    tickets: Mapping[int, Record]
    left: int
    end: Outcome = "duplicate"
    ended: list[str] = []


class Tickets:
    """The open records of a pass. `seen` remembers what is settled, in place of the checkpoint, which then lists no records.

    `addressed` says that some record has an address.
    """

    def __init__(self, seen: Marks | None = None) -> None:
        self.ledger = Ledger(OPEN_RECORDS)
        self._seen, self._from, self.addressed = seen, Resumed(), False
        self._read: dict[Place, list[int]] = {}  # records that were read and not decoded yet
        self._unmet: set[Place] = set()  # settled by an earlier pass, and not come across again yet
        self._ahead: dict[int, Place] = {}  # settled, while an earlier record is still open
        self._waiting: dict[str, _Waiting] = {}
        self._ended: set[str] = set()  # events of records that have others which wait

    def resume(self, resumed: Resumed) -> None:
        """Go on after an earlier pass; before the first record."""
        self._from, self._unmet, self._ended = resumed, set(resumed.ahead), set(resumed.ended)

    @property
    def cursor(self) -> Cursor | None:
        """Everything up to here is settled; None where that is nothing."""
        return self._from.cursor if self.ledger.cursor is None else self.ledger.cursor

    @property
    def ended(self) -> Iterable[str]:
        """Events that have ended, of records that have not."""
        return self._ended

    def ahead(self) -> Iterator[Place]:
        """Settled records behind the cursor."""
        oldest = self.ledger.oldest
        self._ahead = {ticket: place for ticket, place in self._ahead.items() if ticket > oldest}
        yield from self._ahead.values()
        yield from self._unmet

    def admit(self, record: Record) -> bool:
        """Give the record a ticket; False where an earlier pass has settled it, so that it is in no window twice."""
        place, ticket = (record.origin, record.offset), self.ledger.admit(record.cursor)
        self.addressed = self.addressed or record.address is not None
        if place in self._from.ahead:
            self._ahead[ticket] = place
            self._unmet.discard(place)
        elif self._seen is None or record not in self._seen:
            self._read.setdefault(place, []).append(ticket)
            return True
        self.ledger.settle(ticket, "duplicate")
        return False

    def end(self, records: Iterable[Record], outcome: Outcome) -> None:
        """Records that came to no event."""
        self._settle({self._ticket(record): record for record in records}, outcome)

    def wait(self, decoded: Decoded, least: Outcome) -> Sequence[Event]:
        """The events that are to go into windows. One that is in an open window already (the same file twice) is a duplicate.

        `least` is the least that the records will have ended as.
        """
        tickets = {self._ticket(record): record for record in decoded.records}
        fresh = [event for event in decoded.events if event.id not in self._waiting]
        ended = [event.id for event in fresh if event.id in self._ended]
        found = [event for event in fresh if event.id not in self._ended]
        if not found:  # its first copy is still open, so it is not said to be done
            for ticket in tickets:
                self.ledger.settle(ticket, least)
            return ()
        waiting = _Waiting(tickets, len(found), least, ended)
        self._waiting.update((event.id, waiting) for event in found)
        return found

    def waits(self, event: Event) -> bool:
        return event.id in self._waiting

    def records(self, event: Event) -> Iterable[Record]:
        """What an event that waits was read from."""
        return self._waiting[event.id].tickets.values()

    def settle(self, event: Event, outcome: Outcome) -> None:
        """No later window will hold the event."""
        waiting = self._waiting.pop(event.id)
        waiting.left -= 1
        waiting.end = max(waiting.end, outcome, key=_WORST.index)
        if waiting.left:
            waiting.ended.append(event.id)
            self._ended.add(event.id)
        else:
            self._ended.difference_update(waiting.ended)
            self._settle(waiting.tickets, waiting.end)

    def all_read(self) -> None:
        """What did not come by now is no more: the input has been read to its end."""
        self._unmet.clear()
        self._ended = {event for waiting in self._waiting.values() for event in waiting.ended}

    def _ticket(self, record: Record) -> int:
        key = (record.origin, record.offset)
        tickets = self._read[key]
        if len(tickets) == 1:
            del self._read[key]
        return tickets.pop(0)

    def _settle(self, tickets: Mapping[int, Record], outcome: Outcome) -> None:
        for ticket, record in tickets.items():
            self.ledger.settle(ticket, outcome)
            if self._seen is None:
                self._ahead[ticket] = (record.origin, record.offset)
            else:
                self._seen.add(record)
