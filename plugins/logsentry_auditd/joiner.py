"""Puts the records of one event together: those with the same node, time and serial, however they are mixed with others.

An event is complete at its EOE; at its PROCTITLE, which the kernel writes last, if its SYSCALL and all PATH records that this
announces are there; at once, if it is of a type that has one record only. All others end when the same node is further by
`serials` or `seconds` and a few records came since its last (in a quiet log the next event may be hours away and its record
still come first), or when `records` more were read from anywhere: this bounds what is held, and lets no host that fell silent
hold up the rest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

import msgspec

from logsentry.sdk import BadRecord, Event, Filtered, Joined, Record
from logsentry_auditd.entry import Entry, Stamp
from logsentry_auditd.tables import stands_alone

Read = Callable[[Record], tuple[Stamp, Entry] | tuple[Event, ...] | Filtered | None]
"""One record as its stamp and entry; events where it is whole by itself; None where it ends all events (`----`)."""
Finish = Callable[[list[Record], Stamp, list[Entry]], Event]

_PATIENCE = 8  # records
_SERIALS = 1 << 32  # the kernel counts in 32 bits and begins again


class _Open(msgspec.Struct, gc=False):
    fed: int
    last: int
    records: list[Record]
    entries: list[Entry]


class EventJoiner:
    """Satisfies `logsentry.sdk.Joiner`."""

    def __init__(self, read: Read, finish: Finish, *, serials: int, seconds: float, records: int) -> None:
        self._read, self._finish = read, finish
        self._serials, self._nanoseconds, self._records = serials, int(seconds * 1e9), records
        self._open: OrderedDict[Stamp, _Open] = OrderedDict()  # a dict finds its first entry slowly once others were taken out
        self._fed = 0

    def feed(self, record: Record) -> Iterator[Joined]:
        self._fed += 1
        try:
            read = self._read(record)
        except BadRecord as refused:
            return iter((Joined((record,), bad=str(refused)),))
        if isinstance(read, tuple):
            if len(read) == 2 and isinstance(read[1], Entry):
                return iter(self._take(record, read[0], read[1]))
            return iter((Joined((record,), read),))
        if read is None:
            return iter((*self.flush(), Joined((record,), filtered="separator between events")))
        return iter((Joined((record,), filtered=read.reason),))

    def flush(self) -> Iterator[Joined]:
        for stamp in list(self._open):
            yield self._close(stamp)

    def _take(self, record: Record, stamp: Stamp, entry: Entry) -> list[Joined]:
        done: list[Joined] = []
        opened = self._open.get(stamp)
        if entry.type == "EOE":
            if opened is None:
                return [Joined((record,), filtered="the end of an event that was complete already")]
            opened.records.append(record)
            done.append(self._close(stamp))
        elif opened is not None:
            opened.records.append(record)
            opened.entries.append(entry)
            opened.last = self._fed
            if entry.type == "PROCTITLE" and _complete(opened.entries):
                done.append(self._close(stamp))
        elif stands_alone(entry.type):
            done.append(Joined((record,), (self._finish([record], stamp, [entry]),)))
        else:
            self._open[stamp] = _Open(self._fed, self._fed, [record], [entry])
        while self._open and self._passed(first := next(iter(self._open)), stamp):
            done.append(self._close(first))
        return done

    def _passed(self, first: Stamp, newest: Stamp) -> bool:
        """Whether nothing more of the event that was opened first is to be expected."""
        opened = self._open[first]
        if self._fed - opened.fed >= self._records:
            return True
        if first[0] != newest[0] or self._fed - opened.last < _PATIENCE:
            return False
        return newest[1] - first[1] > self._nanoseconds or self._serials < (newest[2] - first[2]) % _SERIALS < _SERIALS // 2

    def _close(self, stamp: Stamp) -> Joined:
        opened = self._open.pop(stamp)
        return Joined(tuple(opened.records), (self._finish(opened.records, stamp, opened.entries),))


def _complete(entries: list[Entry]) -> bool:
    announced, paths = "", 0
    for entry in entries:
        if entry.type == "PATH":
            paths += 1
        elif entry.type == "SYSCALL":
            announced = entry.fields.get("items", "0")
    return announced.isdecimal() and paths >= int(announced[:6])
