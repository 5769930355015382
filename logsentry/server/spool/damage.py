"""What is no record in a spool: half a one that a dying process left, which is cut off, and damage, which is kept aside and told.

Half a record at the end is one that nobody was told of. Damaged bytes anywhere else were acknowledged; they are copied beside their
segment, and what lies whole around them is read.
"""

from __future__ import annotations

import logging
import os

from logsentry.server.spool.segments import FIRST, Segment, pieces, refuse_newer, torn

LOG = logging.getLogger("logsentry.server")


class Damage:
    """What one spool was found to have lost since the start."""

    def __init__(self) -> None:
        self.cut = 0
        """Bytes of a record that was never acknowledged, cut off at this start."""
        self.lost = 0
        """Bytes found damaged: so much of what was acknowledged is lost."""
        self._told: set[tuple[int, int]] = set()

    def found(self, where: Segment, at: int, behind: int) -> None:
        """Damaged bytes are copied aside and counted, once."""
        if (where.number, at) in self._told:
            return
        self._told.add((where.number, at))
        aside = where.path.with_name(f"{where.path.stem}-{at}.damaged")
        self.lost += behind - at
        LOG.error("%s is damaged: bytes %d to %d cannot be read and are kept in %s", where.path, at, behind, aside.name)
        if not aside.exists():
            with open(where.path, "rb") as source:
                source.seek(at)
                aside.write_bytes(source.read(behind - at))

    def mend(self, last: Segment) -> int:
        """Cut off what lies behind the last whole record of a segment, and answer where that ends; more than half a record is kept aside.

        Raises `LogsentryError` for a segment that a newer logsentry wrote, and `OSError`.
        """
        size = last.path.stat().st_size
        with open(last.path, "rb") as file:
            refuse_newer(file, last.path)
            tail = None
            for tail in pieces(file, last.key, FIRST, size):  # noqa: B007 - the last of them is what is looked for
                pass
            if tail is None or tail.content is not None:
                return size
            if torn(file, last.key, tail.at, size):
                self.cut = size - tail.at
                LOG.warning("cut %d bytes of a record off %s that was never acknowledged", self.cut, last.path)
            else:
                self.found(last, tail.at, size)
        os.truncate(last.path, tail.at)
        return tail.at
