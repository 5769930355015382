"""Between two records: nothing is read while that is halted, nothing is left out, and the end comes when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from logsentry.schema.record import Cursor, Record
from logsentry.server.forward.between import PAUSE, Between


class Listed:
    """An input of records that are told apart by their place; None where the list has it."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, places: list[int | None]) -> None:
        self._places = places

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        for place in self._places:
            yield None if place is None else Record(b"x", "test", "test", place, {"place": place})

    def close(self) -> None:
        """Nothing is open."""


@given(st.lists(st.booleans()), st.lists(st.booleans(), max_size=20))
def test_halting_delays_and_loses_nothing(there: list[bool], halts: list[bool]) -> None:
    places = [number if record else None for number, record in enumerate(there)]
    waits, answers = [], iter([*halts, *[False] * len(places)])
    input_ = Between(Listed(places), lambda: next(answers, False), lambda: True, waits.append)
    read = list(input_.read())
    assert [record.offset for record in read if record is not None] == [place for place in places if place is not None]
    assert len(read) == len(places) + len(waits), "a None for each wait"
    assert set(waits) <= {PAUSE}


@given(st.integers(0, 5), st.booleans())
def test_it_ends_at_the_first_none_after_which_it_is_not_to_go_on(asked: int, halted: bool) -> None:
    """Whether the None is the input's own or stands for a record that may not be read."""
    places: list[int | None] = [number if halted else None for number in range(10)]
    left = iter([True] * asked)
    input_ = Between(Listed(places), lambda: halted, lambda: next(left, False), lambda _: None)
    assert list(input_.read()) == [None] * (asked + 1)
