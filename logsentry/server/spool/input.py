"""A spool as an input: what was delivered, in order and without end; None about once a second, and where there is nothing just now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from logsentry.schema.record import Cursor, Record
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.records import Place, Spooled, read
from logsentry.server.spool.segments import Segment, segments
from logsentry.server.spool.settled import OWN

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
        place, told = _begin(self._spool.folder, after), time.monotonic()
        while True:
            until = self._spool.end
            for spooled in self._spool.read(place, until):
                yield _record(spooled, self._name)
                if time.monotonic() - told > EVERY:
                    yield None
                    told = time.monotonic()
            place = until
            if not self._spool.wait(place, PAUSE) or time.monotonic() - told > EVERY:
                yield None
                told = time.monotonic()

    def close(self) -> None:
        """The spool belongs to whoever opened it."""


def present(folder: Path, name: str, after: Cursor | None) -> Iterator[Record]:
    """What a pass would begin with: each record behind the cursor of a spool that nobody writes to, whether it has ended or not."""
    there = segments(folder)
    until = Place(there[-1].number, there[-1].path.stat().st_size) if there else Place(0, 0)
    for spooled in read(folder, _begin(folder, after), until, _left):
        yield _record(spooled, name)


def _left(where: Segment, at: int, behind: int) -> None:
    """What is no record is for the next start to mend, and to tell."""


def _begin(folder: Path, after: Cursor | None) -> Place | None:
    """Behind the cursor; from the start where its segment is not here, since then nothing here was settled, or a mark says so."""
    if after is None:
        return None
    there = any(each.number == after["segment"] and each.id == after["spool"] for each in segments(folder))
    return Place(int(after["segment"]), int(after["offset"])) if there else None


def _record(spooled: Spooled, name: str) -> Record:
    arrived, behind = spooled.arrived, spooled.behind
    cursor: Cursor = {"segment": behind.segment, "spool": spooled.id, "offset": behind.offset}
    if arrived.request:
        cursor["request"] = arrived.request
    origin, at = (f"{OWN}{name}/{arrived.own}", 0) if arrived.own else (f"spool/{spooled.id}", spooled.at)
    return Record(arrived.data, f"{name} {arrived.via}", origin, at, cursor, None, arrived.lacks)
