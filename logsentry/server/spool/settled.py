"""Which records of a spool were scored and exported, or ended otherwise, on disk beside their segment and gone with it.

Sessions end in any order, so behind the oldest record that is still open many are settled; a server that starts again must not take
those a second time. Each is 12 bytes in `SEGMENT.settled`: the byte behind it in the segment, and a checksum. Records with an id of
the client's own are also known by that id and their content, for the last `RECENT` of them at least, so that what a client sends
again is a duplicate.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

from logsentry.errors import Unavailable
from logsentry.schema.record import Record
from logsentry.server.spool.segments import Segment, segments

RECENT = 250_000
OWN = "own/"
"""Begins the origin of a record that a client gave an id."""

_ENTRY = struct.Struct("<QI")
_PLACE = struct.Struct("<Q")
_OWN_FILES = ("own-ids-a", "own-ids-b")

Told = Callable[[Sequence[int]], None]


def untold(requests: Sequence[int]) -> None:
    """Nobody waits."""


class Settled:
    """What `ScoringPass` asks about each record that it reads, and tells when one has ended. `told` hears the numbers of requests,
    once for each of their records that has ended, when that is on disk."""

    def __init__(self, folder: Path, told: Told = untold) -> None:
        """Raises `Unavailable` where the folder cannot be read."""
        self._folder, self._told = folder, told
        self._known: dict[int, frozenset[int]] = {}
        for each in segments(folder):
            if entries := _load(_path(each)):
                self._known[each.number] = frozenset(entries)
        self._own = OwnIds(folder)
        self._pending: dict[int, list[int]] = {}
        self._requests: list[int] = []

    def __contains__(self, record: Record) -> bool:
        known = self._known.get(int(record.cursor["segment"]), frozenset())
        return record.cursor["offset"] in known or (record.origin.startswith(OWN) and own_digest(record) in self._own)

    def add(self, record: Record) -> None:
        """The record has ended; known after a crash once `flush` has returned."""
        self._pending.setdefault(int(record.cursor["segment"]), []).append(int(record.cursor["offset"]))
        if record.origin.startswith(OWN):
            self._own.add(own_digest(record))
        if request := record.cursor.get("request"):
            self._requests.append(int(request))

    def flush(self) -> None:
        """On disk when this returns. Raises `Unavailable` where it cannot be written; what waits is kept."""
        if self._pending:
            paths = {each.number: _path(each) for each in segments(self._folder)}
            for number, offsets in list(self._pending.items()):
                _append(paths[number], offsets)
                del self._pending[number]
        self._own.flush()
        requests, self._requests = self._requests, []
        if requests:
            self._told(requests)

    def forget(self, gone: Iterable[Segment]) -> None:
        """These segments were deleted."""
        for each in gone:
            self._known.pop(each.number, None)
            _path(each).unlink(missing_ok=True)


class OwnIds:
    """Digests of records that came with an id, the last `RECENT` at least and twice as many at most, in two files that take turns."""

    def __init__(self, folder: Path, recent: int = RECENT) -> None:
        self._recent = recent
        files = sorted((folder / name for name in _OWN_FILES), key=_size)
        if _size(files[1]) < recent * _ENTRY.size:  # neither is full: the longer one is being written
            files.reverse()
        self._path, self._other = files
        self._young, self._old = set(_load(self._path)), set(_load(self._other))
        self._pending: list[int] = []

    def __contains__(self, digest: int) -> bool:
        return digest in self._young or digest in self._old

    def add(self, digest: int) -> None:
        self._young.add(digest)
        self._pending.append(digest)

    def flush(self) -> None:
        if not self._pending:
            return
        _append(self._path, self._pending)
        self._pending = []
        if len(self._young) >= self._recent:
            self._old, self._young = self._young, set()
            self._path, self._other = self._other, self._path
            self._path.unlink(missing_ok=True)


def own_digest(record: Record) -> int:
    """64 bits of the id and the content: another content under the same id is another record."""
    named = record.origin.encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(record.data, digest_size=8, key=blake2b(named).digest()).digest(), "little")


def _path(each: Segment) -> Path:
    return each.path.with_suffix(".settled")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _load(path: Path) -> list[int]:
    """The whole entries of a file; an entry has its place whatever stands before it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"cannot read what was settled from {path}: {error.strerror}") from error
    whole = data[: len(data) // _ENTRY.size * _ENTRY.size]
    return [value for value, check in _ENTRY.iter_unpack(whole) if crc32(_PLACE.pack(value)) == check]


def _append(path: Path, values: Sequence[int]) -> None:
    """Whole entries behind whole entries, synced. Raises `Unavailable`; the file is as before then."""
    data = b"".join(_ENTRY.pack(value, crc32(_PLACE.pack(value))) for value in values)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _append_whole(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unavailable(f"cannot keep what was settled in {path}: {error.strerror}") from error


def _append_whole(descriptor: int, data: bytes) -> None:
    end = os.fstat(descriptor).st_size // _ENTRY.size * _ENTRY.size  # half an entry is what a crash left
    written = 0
    try:
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], end + written)
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise
