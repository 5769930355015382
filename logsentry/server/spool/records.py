"""The records of a spool: as a forwarder delivered them, and as they are read back from its segments.

How a record stands in a segment is in `segments.py`. Reading changes nothing, so it needs no lock: it goes up to a place that was on
disk once, while more may be written behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from logsentry.server.spool.segments import FIRST, Segment, pieces, refuse_newer, segments

Lost = Callable[[Segment, int, int], None]
"""Hears of bytes [at, behind) of a segment that are no record."""


class Arrived(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One record as a forwarder delivered it. `own` is the id that the client gave it, empty where it gave none; `time` is when it
    came, in nanoseconds since 1970. `lacks` names the field that `data`, then a whole document, should have had. `request` is the number
    under which somebody waits to hear that it was exported; 0 for nobody."""

    data: bytes
    via: str
    peer: str
    time: int
    own: str = ""
    lacks: str = ""
    request: int = 0


class Place(msgspec.Struct, frozen=True, order=True):
    """Behind a record: the number of its segment, and the byte there."""

    segment: int
    offset: int


class Spooled(msgspec.Struct, frozen=True):
    """A record as it is read back: `id` names its segment for ever, `at` is where it begins, `behind` where to go on."""

    arrived: Arrived
    id: str
    at: int
    behind: Place


def read(folder: Path, after: Place | None, until: Place, lost: Lost) -> Iterator[Spooled]:
    """Everything whole that lies behind a place (from the start for None), up to another one.

    Raises `LogsentryError` for a segment that a newer logsentry wrote.
    """
    for each in segments(folder):
        if (after is not None and each.number < after.segment) or each.number > until.segment:
            continue
        start = after.offset if after is not None and each.number == after.segment else FIRST
        with open(each.path, "rb", buffering=1 << 18) as file:
            refuse_newer(file, each.path)
            end = until.offset if each.number == until.segment else os.fstat(file.fileno()).st_size
            for piece in pieces(file, each.key, start, end):
                if piece.content is None:
                    lost(each, piece.at, piece.behind)
                else:
                    arrived = msgspec.msgpack.decode(piece.content, type=Arrived)
                    yield Spooled(arrived, each.id, piece.at, Place(each.number, piece.behind))
