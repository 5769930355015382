"""How a forwarder is doing, and what its passes have counted: since the server's start, and for the run of the bundle that scores now.

A pass that broke off is followed by another one, which reads again what was open; that counts once.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from logsentry.pipeline.handing import Tally
from logsentry.schema.books import Books


class Standing(msgspec.Struct, frozen=True):
    """For metrics and the status page. `trouble` is what it waits for to pass, `refused` why the newest bundle does not score, `refuses`
    why it takes nothing just now, whatever room its spool has; all are empty where all is well."""

    name: str
    books: Books
    windows: int
    alerts: int
    appended: int
    spool_bytes: int
    spool_most_bytes: int
    damaged_bytes: int
    trouble: str
    bundle: str = ""
    refused: str = ""
    dead_letter_bytes: int = 0
    dead_letter_most_bytes: int = 0
    refuses: str = ""


class Works(Protocol):
    """A pass, as far as it is counted."""

    tally: Tally

    @property
    def books(self) -> Books: ...


class Counts(msgspec.Struct, frozen=True):
    """Of several passes together."""

    books: Books = Books()
    windows: int = 0
    alerts: int = 0

    def with_(self, work: Works | None) -> Counts:
        if work is None:
            return self
        windows, alerts = self.windows + work.tally.windows, self.alerts + work.tally.alerts
        return Counts(_each(self.books, work.books, 1), windows, alerts)


class Account:
    """Kept by the forwarder's thread; `counts` may be asked by others."""

    def __init__(self) -> None:
        self._now: tuple[Counts, Works | None] = Counts(), None  # replaced together, for those who ask meanwhile
        self._earlier = Books()

    def counts(self) -> Counts:
        before, work = self._now
        return before.with_(work)

    def begin(self, work: Works) -> None:
        self._now = self._now[0], work

    def end(self) -> None:
        """The pass is over."""
        counts = self.counts()
        self._now = msgspec.structs.replace(counts, books=_closed(counts.books)), None

    def run(self) -> Books:
        """Of the bundle that scores now, without what is open: another one may end it."""
        return _closed(_each(self.counts().books, self._earlier, -1))

    def turn(self) -> None:
        """Another bundle scores, and its run begins with the records that are open."""
        self._earlier = _closed(self.counts().books)


def _closed(books: Books) -> Books:
    return msgspec.structs.replace(books, read=books.read - books.open, open=0)


def _each(one: Books, other: Books, sign: int) -> Books:
    return Books(*(getattr(one, name) + sign * getattr(other, name) for name in Books.__struct_fields__))
