"""What forwarders deliver, on disk before they are told so, until it was scored and exported.

A spool is a folder of segments (`spool_format.py`). A record counts once `append` has returned, which is after a sync that it shares with
whatever came meanwhile; only then is it given out. A process that dies may leave a part of a record at the end, which nobody was told
of: it is cut off at the next start. Damaged bytes anywhere else are copied aside and told, and the records around them are given out.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import msgspec

from logsentry.errors import Unavailable, UsageError
from logsentry.server.spool_format import (
    FIRST,
    HEAD_BYTES,
    LARGEST,
    Segment,
    framed,
    pieces,
    refuse_newer,
    segment,
    segments,
    title,
    torn,
)

LOG = logging.getLogger("logsentry.server")
SEGMENT_BYTES = 16 << 20
SHARE = 8
"""A segment is at most this part of the spool, since a segment that is being written cannot be deleted."""


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


class _Waiting(msgspec.Struct):
    """Records of one caller, and who is to hear of them."""

    contents: list[bytes]
    size: int
    done: asyncio.Future[None]


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
        self._lock = _locked(folder)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._waiting: list[_Waiting] = []
        self._draining: asyncio.Task[None] | None = None
        self._changed = threading.Condition()
        self._spoilt = False
        self._told: set[tuple[int, int]] = set()
        self.appended = 0
        """Records taken since the start."""
        self.cut = 0
        """Bytes of a record that was never acknowledged, cut off at this start."""
        self.damaged = 0
        """Bytes found damaged since the start: so much of what was acknowledged is lost."""
        try:
            self._segment, self._file, offset = self._begin()
            self.size = sum(each.path.stat().st_size for each in segments(folder))
        except OSError as error:
            os.close(self._lock)
            raise UsageError(f"cannot keep a spool in {folder}: {error.strerror}") from error
        except BaseException:
            os.close(self._lock)
            raise
        self._end = Place(self._segment.number, offset)

    @property
    def end(self) -> Place:
        """Everything up to here is on disk, and may be read."""
        return self._end

    def wait(self, place: Place, seconds: float) -> bool:
        """Until something lies behind a place, at most so long; for the thread that reads."""
        with self._changed:
            return self._changed.wait_for(lambda: self._end > place, seconds)

    async def append(self, records: Sequence[Arrived]) -> None:
        """On disk when this returns.

        Raises `SpoolFull`, `SpoolTooSmall`, and `Unavailable` where the disk takes nothing; then none of these is kept.
        """
        contents = [msgspec.msgpack.encode(record) for record in records]
        if any(len(content) > LARGEST for content in contents):
            raise UsageError(f"a record may have {LARGEST:,} bytes")
        size = sum(len(content) + HEAD_BYTES for content in contents)
        self._reserve(size)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(contents, size, done))
        if self._draining is None:  # a task of its own, so that no client that goes away takes others' records with it
            self._draining = asyncio.create_task(self._drain())
        await done

    def _reserve(self, size: int) -> None:
        if size > self.most_bytes - self._segment_bytes:
            raise SpoolTooSmall(f"{size:,} bytes at once are too many for a spool of {self.most_bytes:,}; send less at a time")
        if why := self._refuses():
            raise SpoolFull(why)
        with self._changed:
            if self.size + size > self.most_bytes:
                raise SpoolFull(f"the spool holds {self.size:,} bytes that wait to be scored, and may hold {self.most_bytes:,}")
            self.size += size

    async def _drain(self) -> None:
        """Write what waits, together, until nothing does."""
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                contents = [content for each in batch for content in each.contents]
                failure = await asyncio.get_running_loop().run_in_executor(self._writer, self._written, contents)
                if failure is not None:
                    self._release(sum(each.size for each in batch))
                for each in batch:
                    self._answer(each, failure)
        finally:
            self._draining = None
            for each in batch:  # only where this was broken off
                self._answer(each, Unavailable("the spool was closed while the records waited"))

    def _answer(self, waiting: _Waiting, failure: Unavailable | None) -> None:
        if failure is None and waiting.contents:
            self.appended += len(waiting.contents)
            waiting.contents = []
        if waiting.done.done():
            return  # the client has gone; where its records were written they are here all the same
        if failure is not None:
            waiting.done.set_exception(failure)
        else:
            waiting.done.set_result(None)

    def _release(self, size: int) -> None:
        with self._changed:
            self.size -= size

    def _written(self, contents: Sequence[bytes]) -> Unavailable | None:
        """Put records behind the others and on disk; answers why that was not possible. In the writer's thread."""
        try:
            if self._spoilt or self._end.offset > self._segment_bytes:
                self._go_on()
            end = self._end.offset + self._put(framed(contents, self._segment.key, self._end.offset))
        except OSError as error:
            LOG.error("cannot write to the spool %s: %s", self.folder, error.strerror)
            return Unavailable(f"the spool cannot be written: {error.strerror}")
        with self._changed:
            self._end = Place(self._segment.number, end)
            self._changed.notify_all()
        return None

    def _put(self, data: bytes) -> int:
        view, at = memoryview(data), self._end.offset
        try:
            while view:
                written = os.pwrite(self._file, view, at)
                view, at = view[written:], at + written
            self._spoilt = True  # after a failed sync nobody knows what is on disk, so nothing more goes into this segment
            os.fdatasync(self._file)
            self._spoilt = False
        except OSError:
            self._take_back()
            raise
        return len(data)

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._file, self._end.offset)
        except OSError:
            self._spoilt = True
            raise

    def _go_on(self) -> None:
        """A new segment for what follows."""
        fresh = segment(self.folder, self._segment.number + 1, token_hex(16))
        file = _made(fresh)
        os.close(self._file)
        self._segment, self._file, self._spoilt = fresh, file, False
        with self._changed:
            self._end = Place(fresh.number, FIRST)
            self.size += FIRST

    def _begin(self) -> tuple[Segment, int, int]:
        """The segment to go on with, open, and where its last whole record ends."""
        there = segments(self.folder)
        while there and there[-1].path.stat().st_size < FIRST:
            there.pop().path.unlink()  # it was being made
        if not there:
            fresh = segment(self.folder, 1, token_hex(16))
            return fresh, _made(fresh), FIRST
        last = there[-1]
        end = self._mended(last)
        file = os.open(last.path, os.O_RDWR | os.O_CLOEXEC)
        os.fsync(file)
        return last, file, end

    def _mended(self, last: Segment) -> int:
        """Cut off what lies behind the last whole record; kept aside where it is more than a record that was being written."""
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
                self._lost(last, tail.at, size)
        os.truncate(last.path, tail.at)
        return tail.at

    def _lost(self, where: Segment, at: int, behind: int) -> None:
        """Damaged bytes are copied aside and counted, once."""
        if (where.number, at) in self._told:
            return
        self._told.add((where.number, at))
        aside = where.path.with_name(f"{where.path.stem}-{at}.damaged")
        self.damaged += behind - at
        LOG.error("%s is damaged: bytes %d to %d cannot be read and are kept in %s", where.path, at, behind, aside.name)
        if not aside.exists():
            with open(where.path, "rb") as source:
                source.seek(at)
                aside.write_bytes(source.read(behind - at))

    def read(self, after: Place | None = None, until: Place | None = None) -> Iterator[Spooled]:
        """Everything whole that lies behind a place, up to another that was the `end` once, or is now."""
        until = until or self.end
        for each in segments(self.folder):
            if (after is not None and each.number < after.segment) or each.number > until.segment:
                continue
            start = after.offset if after is not None and each.number == after.segment else FIRST
            with open(each.path, "rb", buffering=1 << 18) as file:
                refuse_newer(file, each.path)
                end = until.offset if each.number == until.segment else os.fstat(file.fileno()).st_size
                for piece in pieces(file, each.key, start, end):
                    if piece.content is None:
                        self._lost(each, piece.at, piece.behind)
                    else:
                        arrived = msgspec.msgpack.decode(piece.content, type=Arrived)
                        yield Spooled(arrived, each.id, piece.at, Place(each.number, piece.behind))

    def settle(self, until: Place) -> list[Segment]:
        """Delete the segments that lie wholly before a place whose checkpoint is on disk; answers which."""
        gone = [each for each in segments(self.folder) if each.number < min(until.segment, self.end.segment)]
        for each in gone:
            size = each.path.stat().st_size
            each.path.unlink()
            self._release(size)
        return gone

    async def close(self) -> None:
        """Wait for what is being written, and let another process have the folder."""
        if self._draining is not None:
            await self._draining
        self.abandon()

    def abandon(self) -> None:
        """The same where nothing waits."""
        self._writer.shutdown(wait=True)
        os.close(self._file)
        os.close(self._lock)


def _made(fresh: Segment) -> int:
    """A new segment, which has its name on disk before anything is in it; none is left where that fails."""
    descriptor = os.open(fresh.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if os.write(descriptor, title()) < FIRST:
            raise OSError(28, "No space left on device")
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
