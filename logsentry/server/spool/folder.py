"""What forwarders deliver, on disk before they are told so, until it was scored and exported.

A spool is a folder of segments (`segments.py`). A record counts once `append` has returned, which is after a sync that it shares with
whatever came meanwhile (`callers.py`, `writing.py`); only then is it given out (`records.py`). What a crash or a disk has
spoilt is in `damage.py`. Here is what holds them together: who has the folder, how much it may hold, and what may go.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from logsentry.errors import Unavailable, UsageError
from logsentry.server.spool.callers import Callers
from logsentry.server.spool.damage import Damage
from logsentry.server.spool.records import Arrived, Place, Spooled, read
from logsentry.server.spool.segments import FIRST, HEAD_BYTES, LARGEST, Segment, segments
from logsentry.server.spool.writing import Writing

LOG = logging.getLogger("logsentry.server")
SEGMENT_BYTES = 16 << 20
SHARE = 8
"""A segment is at most this part of the spool, since a segment that is being written cannot be deleted."""


class SpoolFull(Unavailable):
    """Try again later, when some of what waits was scored or there is room for what cannot be; nothing of what was to be added is kept."""


class SpoolTooSmall(UsageError):
    """Send less at once: it would not fit into the empty spool."""


class Spool:
    """One folder, written by one process. Raises `Unavailable` where another one has it, `UsageError` where it cannot be made.

    `refuses` says why nothing is to be taken just now, whatever room there is, or nothing.
    """

    def __init__(
        self, folder: Path, most_bytes: int = 1 << 30, segment_bytes: int = SEGMENT_BYTES, refuses: Callable[[], str] = str
    ) -> None:
        self.folder, self.most_bytes, self._refuses = folder, most_bytes, refuses
        self._segment_bytes = min(segment_bytes, most_bytes // SHARE)
        self._lock, self.damage = _locked(folder), Damage()
        try:
            self._writing = Writing(folder, self._segment_bytes, self.damage.mend)
            self.size = sum(each.path.stat().st_size for each in segments(folder))
        except OSError as error:
            os.close(self._lock)
            raise UsageError(f"cannot keep a spool in {folder}: {error.strerror}") from error
        except BaseException:
            os.close(self._lock)
            raise
        self.end = self._writing.end
        """Everything up to here is on disk, and may be read."""
        self.appended = 0
        """Records taken since the start."""
        self._callers, self._changed = Callers(self._written), threading.Condition()

    def wait(self, place: Place, seconds: float) -> bool:
        """Until something lies behind a place, at most so long; for the thread that reads."""
        with self._changed:
            return self._changed.wait_for(lambda: self.end > place, seconds)

    async def append(self, records: Sequence[Arrived]) -> None:
        """On disk when this returns.

        Raises `SpoolFull`, `SpoolTooSmall`, and `Unavailable` where the disk takes nothing; then none of these is kept.
        """
        contents = [msgspec.msgpack.encode(record) for record in records]
        if any(len(content) > LARGEST for content in contents):
            raise UsageError(f"a record may have {LARGEST:,} bytes")
        self._reserve(_size(contents))
        await self._callers.written(contents)

    def _reserve(self, size: int) -> None:
        if size > self.most_bytes - self._segment_bytes:
            raise SpoolTooSmall(f"{size:,} bytes at once are too many for a spool of {self.most_bytes:,}; send less at a time")
        if why := self._refuses():
            raise SpoolFull(why)
        with self._changed:
            if self.size + size > self.most_bytes:
                raise SpoolFull(f"the spool holds {self.size:,} bytes that wait to be scored, and may hold {self.most_bytes:,}")
            self.size += size

    def _written(self, contents: Sequence[bytes]) -> Unavailable | None:
        """In the thread of the callers' writes: on disk, and from then on to be read."""
        failure = None
        try:
            self._writing.write(contents)
        except OSError as error:
            LOG.error("cannot write to the spool %s: %s", self.folder, error.strerror)
            failure = Unavailable(f"the spool cannot be written: {error.strerror}")
        with self._changed:
            if self._writing.end.segment > self.end.segment:
                self.size += FIRST
            if failure is None:
                self.appended += len(contents)
            else:
                self.size -= _size(contents)
            self.end = self._writing.end
            self._changed.notify_all()
        return failure

    def read(self, after: Place | None = None, until: Place | None = None) -> Iterator[Spooled]:
        """Everything whole that lies behind a place, up to another that was the `end` once, or is now."""
        return read(self.folder, after, until or self.end, self.damage.found)

    def settle(self, until: Place) -> list[Segment]:
        """Delete the segments that lie wholly before a place whose checkpoint is on disk; answers which."""
        gone = [each for each in segments(self.folder) if each.number < min(until.segment, self.end.segment)]
        for each in gone:
            size = each.path.stat().st_size
            each.path.unlink()
            with self._changed:
                self.size -= size
        return gone

    async def close(self) -> None:
        """Wait for what is being written, and let another process have the folder."""
        await self._callers.none_left()
        self.abandon()

    def abandon(self) -> None:
        """The same where nothing waits."""
        self._callers.close()
        self._writing.close()
        os.close(self._lock)


def _size(contents: Sequence[bytes]) -> int:
    """Bytes that they take in a segment."""
    return sum(len(content) + HEAD_BYTES for content in contents)


def _locked(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"cannot keep a spool in {folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise Unavailable(f"another server uses the spool {folder}; give this one a folder of its own") from error
    return lock
