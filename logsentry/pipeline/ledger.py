"""Which records are still open, and how far the input may be said to be done.

A record is admitted when it is read and settled when its end is certain. Records settle in any order, but the cursor passes
one only when all before it are settled, so that a pass which is cut off anywhere reads every open record again. What a
record's end is, and when it is on disk, is decided in `scoring.py`.
"""

from __future__ import annotations

from typing import Literal, get_args

from logsentry.errors import ContractBroken, UsageError
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor

Outcome = Literal["scored", "duplicate", "filtered", "dead_lettered"]


class _Open:
    """An open ticket in reading order. `reach` is the cursor to go on from once this one and all before it are settled."""

    __slots__ = ("before", "behind", "reach")

    def __init__(self, reach: Cursor, before: _Open | None) -> None:
        self.reach = reach
        self.before = before
        self.behind: _Open | None = None


class Ledger:
    """At most `bound` records are open at a time; memory depends on that alone, however many are settled behind one of them."""

    def __init__(self, bound: int) -> None:
        if bound < 1:
            raise UsageError(f"at least one record must be allowed to be open, not {bound}")
        self._bound = bound
        self._open: dict[int, _Open] = {}
        self._last: _Open | None = None
        self._cursor: Cursor | None = None
        self._read = 0
        self._ends: dict[str, int] = dict.fromkeys(get_args(Outcome), 0)

    @property
    def cursor(self) -> Cursor | None:
        """Everything up to here is settled; None before the first such record."""
        return self._cursor

    @property
    def oldest(self) -> int:
        """The ticket of the first record that is still open; the next ticket where none is."""
        return next(iter(self._open), self._read)

    @property
    def open(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Settle something before the next record is read."""
        return len(self._open) >= self._bound

    def admit(self, cursor: Cursor) -> int:
        """A ticket for a record that was read; raises `ContractBroken` where the ledger is full."""
        if self.full:
            raise ContractBroken(f"{self._bound:,} records are open already: the pipeline must settle some before it reads on")
        ticket, entry = self._read, _Open(cursor, self._last)
        if self._last is not None:
            self._last.behind = entry
        self._open[ticket] = self._last = entry
        self._read += 1
        return ticket

    def settle(self, ticket: int, outcome: Outcome) -> None:
        """End a record; raises `ContractBroken` for one that is not open, or an end that does not exist."""
        if outcome not in self._ends:
            raise ContractBroken(f"a record cannot end as {outcome!r}; known ends: {', '.join(self._ends)}")
        entry = self._open.pop(ticket, None)
        if entry is None:
            known = 0 <= ticket < self._read
            raise ContractBroken(f"ticket {ticket} was settled before" if known else f"ticket {ticket} was never given out")
        self._ends[outcome] += 1
        self._close(entry)

    def _close(self, entry: _Open) -> None:
        """Hand what this entry reaches to the one before it, or to the cursor where it is the first."""
        before, behind = entry.before, entry.behind
        if before is None:
            self._cursor = entry.reach
        else:
            before.reach, before.behind = entry.reach, behind
        if behind is None:
            self._last = before
        else:
            behind.before = before

    def books(self, leave_open: bool = False) -> Books:
        """Balanced when nothing is open, or when what is open is left so on purpose and counted as such."""
        return Books(read=self._read, open=len(self._open) if leave_open else 0, **self._ends)
