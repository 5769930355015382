"""An input with something to be looked at between its records: whether more may be read now, and whether the pass is to go on.

No batch is in hand there: at each None a pass delivers what is closed before it asks for more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import msgspec

from logsentry.schema.record import Cursor, Record
from logsentry.sdk import Input

PAUSE = 0.25
"""Seconds between two answers of None while nothing may be read."""


class Between:
    """While `halted`, which is asked before each record, None takes the place of records; `goes_on` is asked after each None, and False
    ends the input. `sleep` may raise to break a wait off."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(
        self, input_: Input, halted: Callable[[], bool], goes_on: Callable[[], bool], sleep: Callable[[float], None]
    ) -> None:
        self._input, self._halted, self._goes_on, self._sleep = input_, halted, goes_on, sleep

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        for record in self._input.read(after):
            while record is not None and self._halted():
                yield None
                if not self._goes_on():
                    return  # the record was not admitted, so the next pass reads it
                self._sleep(PAUSE)
            yield record
            if record is None and not self._goes_on():
                return

    def close(self) -> None:
        """The input belongs to whoever made it."""
