"""Any interleaving of reading, settling, saving and crashing loses no record: what is settled and what is read again is all."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from logsentry.pipeline.ledger import Ledger, Outcome
from logsentry.schema.record import Cursor

BOUND = 6
ENDS = st.sampled_from(["scored", "duplicate", "filtered", "dead_lettered"])


class Pass(RuleBasedStateMachine):
    """An endless input of records 0, 1, 2 …; a crash forgets all but the saved cursor, and reading goes on behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: Cursor | None = None
        self.done: set[int] = set()  # settled in any life: delivered or written down before the crash
        self.read = 0  # the most that was ever read
        self._begin()

    def _begin(self) -> None:
        self.ledger = Ledger(BOUND)
        self.next = 0 if self.saved is None else int(self.saved["record"]) + 1
        self.open: dict[int, int] = {}

    @precondition(lambda self: not self.ledger.full)
    @rule()
    def admit(self) -> None:
        self.open[self.ledger.admit({"record": self.next})] = self.next
        self.next += 1
        self.read = max(self.read, self.next)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), end=ENDS)
    def settle(self, data: st.DataObject, end: Outcome) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.open)))
        self.done.add(self.open.pop(ticket))
        self.ledger.settle(ticket, end)

    @rule()
    def save(self) -> None:
        self.saved = self.ledger.cursor if self.ledger.cursor is not None else self.saved

    @rule()
    def crash(self) -> None:
        self._begin()

    @invariant()
    def nothing_before_the_cursor_is_unsettled(self) -> None:
        for cursor in (self.saved, self.ledger.cursor):
            if cursor is not None:
                assert self.done.issuperset(range(int(cursor["record"]) + 1))

    @invariant()
    def the_cursor_is_as_far_as_it_may_be(self) -> None:
        reached = min(self.open.values(), default=self.next) - 1
        if self.ledger.cursor is not None:
            assert self.ledger.cursor["record"] == reached

    @invariant()
    def the_books_tell_what_is_open(self) -> None:
        books = self.ledger.books()
        assert (
            books.read - (books.scored + books.duplicate + books.filtered + books.dead_lettered)
            == self.ledger.open
            == len(self.open)
        )
        assert self.ledger.full == (len(self.open) == BOUND)

    def teardown(self) -> None:
        """A last life without a crash: what was ever read is settled in the end."""
        self._begin()
        while self.next < self.read:
            self.done.add(self.next)
            self.ledger.settle(self.ledger.admit({"record": self.next}), "scored")
            self.next += 1
        assert self.done == set(range(self.read))


TestPass = Pass.TestCase
TestPass.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
