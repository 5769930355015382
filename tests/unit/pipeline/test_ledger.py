"""The ledger: tickets, the cursor, the bound, and the books."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from logsentry.errors import ContractBroken, UsageError
from logsentry.pipeline.ledger import Ledger
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor


def at(number: int) -> Cursor:
    return {"offset": number}


def test_the_cursor_moves_over_runs_without_a_gap() -> None:
    ledger = Ledger(10)
    tickets = [ledger.admit(at(number)) for number in range(5)]
    assert ledger.cursor is None
    for settled, reached in [(1, None), (3, None), (0, 1), (2, 3), (4, 4)]:
        ledger.settle(tickets[settled], "scored")
        assert ledger.cursor == (None if reached is None else at(reached))


def test_a_record_that_is_open_pins_the_cursor() -> None:
    ledger = Ledger(10)
    first = ledger.admit(at(0))
    for number in range(1, 100):
        ledger.settle(ledger.admit(at(number)), "filtered")
    assert (ledger.cursor, ledger.open) == (None, 1)
    ledger.settle(first, "scored")
    assert (ledger.cursor, ledger.open) == (at(99), 0)


def test_the_bound_is_told_and_kept() -> None:
    ledger = Ledger(2)
    first = ledger.admit(at(0))
    assert not ledger.full
    ledger.admit(at(1))
    assert ledger.full
    with pytest.raises(ContractBroken, match="2 records are open already"):
        ledger.admit(at(2))
    ledger.settle(first, "scored")
    assert not ledger.full
    assert ledger.admit(at(2)) > first


def test_a_ledger_without_room_is_refused() -> None:
    with pytest.raises(UsageError, match="not 0"):
        Ledger(0)


def test_settling_twice_or_a_ticket_of_nobody_is_a_defect() -> None:
    ledger = Ledger(10)
    ticket = ledger.admit(at(0))
    ledger.settle(ticket, "scored")
    for wrong, said in [(ticket, "was settled before"), (ticket + 1, "was never given out"), (-1, "was never given out")]:
        with pytest.raises(ContractBroken, match=said):
            ledger.settle(wrong, "scored")
    assert ledger.books() == Books(read=1, scored=1)


def test_an_end_that_does_not_exist_leaves_the_ticket_open() -> None:
    ledger = Ledger(10)
    ticket = ledger.admit(at(0))
    with pytest.raises(ContractBroken, match="cannot end as 'lost'"):
        ledger.settle(ticket, "lost")  # type: ignore[arg-type]
    assert ledger.open == 1


def test_the_books_count_every_end() -> None:
    ledger = Ledger(10)
    for number, end in enumerate(["scored", "scored", "duplicate", "filtered", "dead_lettered"]):
        ledger.settle(ledger.admit(at(number)), end)  # type: ignore[arg-type]
    assert ledger.books() == Books(read=5, scored=2, duplicate=1, filtered=1, dead_lettered=1)
    assert ledger.books().balanced
    ledger.admit(at(5))
    assert not ledger.books().balanced
    assert ledger.books(leave_open=True) == Books(read=6, scored=2, duplicate=1, filtered=1, dead_lettered=1, open=1)


def test_memory_does_not_grow_behind_a_pinned_cursor() -> None:
    ledger = Ledger(10)
    ledger.admit(at(0))
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1, 20_000):
            ledger.settle(ledger.admit(at(number)), "scored")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20_000
