"""The books: what was read is what ended."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from logsentry.schema.books import Books

COUNT = st.integers(0, 10**12)


@given(COUNT, COUNT, COUNT, COUNT, st.integers(-3, 3))
def test_books_balance_exactly_where_every_record_ended(scored: int, duplicate: int, filtered: int, dead: int, off: int) -> None:
    books = Books(scored + duplicate + filtered + dead + off, scored, duplicate, filtered, dead)
    assert books.balanced == (off == 0)
    assert ("≠" in books.sentence()) == (off != 0)


def test_the_sentence_names_duplicates_only_where_there_are_some() -> None:
    assert Books(1000, 990, 0, 8, 2).sentence() == "read 1,000 = scored 990 + filtered 8 + dead-lettered 2"
    assert Books(3, 1, 1, 0, 0).sentence() == "read 3 ≠ scored 1 + duplicate 1 + filtered 0 + dead-lettered 0"
    assert Books().sentence() == "read 0 = scored 0 + filtered 0 + dead-lettered 0"


def test_what_is_left_open_is_counted_and_named() -> None:
    assert Books(10, 7, 0, 1, 0, open=2).sentence() == "read 10 = scored 7 + filtered 1 + dead-lettered 0 + open 2"
    assert not Books(10, 7, 0, 1, 0, open=1).balanced
