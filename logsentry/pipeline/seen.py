"""Which records of a document store are settled, on disk, for an input that reads the last minutes again at each pass.

A scheduled job begins a while before its cursor, so that documents which came late are found. What it reads there a second time
must not go into windows again, with half of its neighbours missing. Entries are 20 bytes: the record's time (ms since 1970), a
digest of its place, and a CRC-32 of both. A damaged entry costs itself alone. What one flush wrote ends with an entry that counts it,
and entries behind the last such one are what a crash left of a flush: none of them counts, since half of a window must not be seen.
When an entry may be forgotten is the caller's to say (`since`); reading and scoring are left to `scoring.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Protocol
from zlib import crc32

import msgspec

from logsentry.errors import LogsentryError, Unavailable
from logsentry.schema.record import Record
from logsentry.store.bundles import write_whole

FILE = "seen"
VERSION = 1
RECENT = 100_000
"""Records of this pass that are kept in memory at least, and at most twice as many."""

_ENTRY = Struct("<qQI")
_BODY = Struct("<qQ")
_SEAL = -(1 << 63)
"""In place of a time: the entry is no record, but says how many were flushed with it."""


def _head(version: int) -> bytes:
    title = b"logsentry seen %d" % version
    return title + b" crc32 %08x\n" % crc32(title)


HEAD = _head(VERSION)


class Marks(Protocol):
    """What a pass asks about records with an address, and tells when they are settled."""

    def __contains__(self, record: Record) -> bool: ...

    def add(self, record: Record) -> None: ...

    def flush(self) -> None: ...


class Seen:
    """The records of one state folder, whose lock the caller holds. `warning` says what damage has cost."""

    def __init__(self, folder: Path, since: int = 0) -> None:
        """Entries from `since` on (ms since 1970) are kept; the file is written anew where it holds others.

        Raises `LogsentryError` where a newer logsentry wrote it, and `Unavailable` where it cannot be read or written.
        """
        self._path = folder / FILE
        found = load(self._path)
        self.warning = found.warning
        kept = {digest: time for digest, time in found.entries.items() if time >= since}
        if not found.whole or len(kept) < found.count:
            _write(self._path, kept)
        self._known, self._end = frozenset(kept), self._path.stat().st_size
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._pending = bytearray()

    def __contains__(self, record: Record) -> bool:
        digest = digest_of(record)
        return digest in self._known or digest in self._young or digest in self._old

    def add(self, record: Record) -> None:
        """The record is settled; known to the next pass once `flush` has returned."""
        digest = digest_of(record)
        time = 0 if record.address is None else record.address.time
        self._pending += entry(time, digest)
        self._young.add(digest)
        if len(self._young) >= RECENT:  # a pass over millions keeps what it could meet again, and no more
            self._old, self._young = self._young, set()

    def flush(self) -> None:
        """On disk when this returns. Raises `Unavailable` where it cannot be written; the file is then as before."""
        if not self._pending:
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY)
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            _append(descriptor, self._end, self._pending + seal(len(self._pending) // _ENTRY.size))
        except OSError as error:
            os.ftruncate(descriptor, self._end)
            raise self._unavailable(error) from error
        finally:
            os.close(descriptor)
        self._end += len(self._pending) + _ENTRY.size
        self._pending = bytearray()

    def _unavailable(self, error: OSError) -> Unavailable:
        return Unavailable(f"cannot keep the records that were seen in {self._path}: {error.strerror}")


def digest_of(record: Record) -> int:
    """64 bits of the record's place; a million records against a million others meet by chance once in 18 million jobs."""
    place = f"{record.origin}\0{record.offset}".encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(place, digest_size=8).digest(), "little")


def entry(time: int, digest: int) -> bytes:
    return _ENTRY.pack(time, digest, crc32(_BODY.pack(time, digest)))


def seal(entries: int) -> bytes:
    """The entry that ends a flush of so many."""
    return entry(_SEAL, entries)


class Loaded(msgspec.Struct):
    """What a file holds: {digest: time}, how many entries that were, and what is wrong with it. Not `whole` is to be written anew."""

    entries: dict[int, int] = {}
    count: int = 0
    damaged: int = 0
    torn: bool = False
    whole: bool = False
    warning: str = ""


def load(path: Path) -> Loaded:
    """Every whole entry of a file; needs no lock. Raises as `Seen` does."""
    found = Loaded()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise Unavailable(f"cannot read the records that were seen from {path}: {error.strerror}") from error
    if any(data.startswith(_head(version)) for version in range(VERSION + 1, 100)):
        raise LogsentryError(f"{path} was written by a newer logsentry; upgrade this one")
    for time, digest in _entries(data, found):
        found.entries[digest] = time
        found.count += 1
    found.whole = data.startswith(HEAD) and not found.damaged and not found.torn
    if found.damaged or not data.startswith(HEAD):
        found.warning = _cost(path, found.damaged)
    return found


def _entries(data: bytes, found: Loaded) -> Iterator[tuple[int, int]]:
    """Those of flushes that were finished. An entry has its place whatever stands before it, also before a damaged head."""
    size = max(0, len(data) - len(HEAD)) // _ENTRY.size * _ENTRY.size
    flushed: list[tuple[int, int]] = []
    places = damaged = 0
    for time, digest, check in _ENTRY.iter_unpack(data[len(HEAD) : len(HEAD) + size]):
        whole = crc32(_BODY.pack(time, digest)) == check
        if whole and time == _SEAL and digest <= places:  # fewer, where the seal before it is damaged
            yield from flushed
            found.damaged += damaged
            flushed, places, damaged = [], 0, 0
            continue
        places, damaged = places + 1, damaged + (not whole)
        if whole:
            flushed.append((time, digest))
    found.torn = bool(places) or (len(data) - len(HEAD)) % _ENTRY.size != 0


def _cost(path: Path, damaged: int) -> str:
    what = f"{damaged:,} entries are damaged" if damaged else "its head is damaged"
    return f"{path}: {what}; as many records may be scored a second time, with other neighbours, and none is left out"


def _write(path: Path, entries: dict[int, int]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(
            path,
            HEAD + b"".join(entry(time, digest) for digest, time in entries.items()) + (seal(len(entries)) if entries else b""),
        )
    except OSError as error:
        raise Unavailable(f"cannot keep the records that were seen in {path}: {error.strerror}") from error


def _append(descriptor: int, end: int, data: bytes | bytearray) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], end + written)
    os.fsync(descriptor)
