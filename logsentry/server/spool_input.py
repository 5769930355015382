"""A spool as an input: what was delivered, in order and without end; None about once a second, and where there is nothing just now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

import msgspec

from logsentry.schema.record import Cursor, Record
from logsentry.server.settled import OWN
from logsentry.server.spool import Place, Spool, Spooled
from logsentry.server.spool_format import segments

EVERY = 1.0
"""Seconds between two answers of None where records keep coming."""

PAUSE = 0.25
"""Seconds that are waited for more at a time; asking to stop is noticed after them."""


class SpoolInput:
    """Reads for ever; whoever reads ends it. `name` is what its records' ids are made with where the client gave them one."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, spool: Spool, name: str) -> None:
        self._spool, self._name = spool, name

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        place, told = self._begin(after), time.monotonic()
        while True:
            until = self._spool.end
            for spooled in self._spool.read(place, until):
                yield self._record(spooled)
                if time.monotonic() - told > EVERY:
                    yield None
                    told = time.monotonic()
            place = until
            if not self._spool.wait(place, PAUSE) or time.monotonic() - told > EVERY:
                yield None
                told = time.monotonic()

    def _begin(self, after: Cursor | None) -> Place | None:
        """Behind the cursor; from the start where its segment is not here, since then nothing here was settled, or a mark says so."""
        if after is None:
            return None
        there = any(each.number == after["segment"] and each.id == after["spool"] for each in segments(self._spool.folder))
        return Place(int(after["segment"]), int(after["offset"])) if there else None

    def _record(self, spooled: Spooled) -> Record:
        arrived = spooled.arrived
        cursor: Cursor = {"segment": spooled.behind.segment, "spool": spooled.id, "offset": spooled.behind.offset}
        if arrived.request:
            cursor["request"] = arrived.request
        if arrived.own:
            return Record(
                arrived.data, f"{self._name} {arrived.via}", f"{OWN}{self._name}/{arrived.own}", 0, cursor, None, arrived.lacks
            )
        return Record(arrived.data, f"{self._name} {arrived.via}", f"spool/{spooled.id}", spooled.at, cursor, None, arrived.lacks)

    def close(self) -> None:
        """The spool belongs to whoever opened it."""
