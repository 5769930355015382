"""The segment of a spool that is being written: what `write` has put behind the others is on disk, or it is not there at all.

One thread writes at a time. A write that fails is taken back, and its place is used again. After a failed sync nobody knows what is on
disk, so nothing more goes into that segment. Who waits for it, and whether there is room, is in `folder.py`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex

from logsentry.server.spool.records import Place
from logsentry.server.spool.segments import FIRST, Segment, framed, segment, segments, title


class Writing:
    """Goes on behind the last whole record of a folder, in a new segment where there is none or the last has `segment_bytes`.

    `mend` answers where that record of a segment ends, once it has cut off what lies behind. Raises `OSError` and what `mend` raises.
    """

    def __init__(self, folder: Path, segment_bytes: int, mend: Callable[[Segment], int]) -> None:
        self._folder, self._segment_bytes, self._spoilt = folder, segment_bytes, False
        there = segments(folder)
        while there and there[-1].path.stat().st_size < FIRST:
            there.pop().path.unlink()  # it was being made
        if there:
            self._segment, end = there[-1], mend(there[-1])
            self._file = os.open(self._segment.path, os.O_RDWR | os.O_CLOEXEC)
            os.fsync(self._file)
        else:
            self._segment, end = segment(folder, 1, token_hex(16)), FIRST
            self._file = _made(self._segment)
        self.end = Place(self._segment.number, end)
        """Everything up to here is on disk."""

    def write(self, contents: Sequence[bytes]) -> None:
        """Raises `OSError`; none of these records is there then."""
        if self._spoilt or self.end.offset > self._segment_bytes:
            self._go_on()
        data = framed(contents, self._segment.key, self.end.offset)
        try:
            self._put(data)
        except OSError:
            self._take_back()
            raise
        self.end = Place(self.end.segment, self.end.offset + len(data))

    def _put(self, data: bytes) -> None:
        view, at = memoryview(data), self.end.offset
        while view:
            written = os.pwrite(self._file, view, at)
            view, at = view[written:], at + written
        self._spoilt = True  # until the sync is known to have passed
        os.fdatasync(self._file)
        self._spoilt = False

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._file, self.end.offset)
        except OSError:
            self._spoilt = True
            raise

    def _go_on(self) -> None:
        """A new segment for what follows."""
        fresh = segment(self._folder, self._segment.number + 1, token_hex(16))
        file = _made(fresh)
        os.close(self._file)
        self._segment, self._file, self._spoilt = fresh, file, False
        self.end = Place(fresh.number, FIRST)

    def close(self) -> None:
        os.close(self._file)


def _made(fresh: Segment) -> int:
    """A new segment, which has its name on disk before anything is in it; none is left where that fails."""
    descriptor = os.open(fresh.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if os.write(descriptor, title()) < FIRST:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
        folder = os.open(fresh.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        os.close(descriptor)
        fresh.path.unlink(missing_ok=True)
        raise
    return descriptor
