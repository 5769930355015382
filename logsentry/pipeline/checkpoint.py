"""Where a pass stands, on disk, so that a crash at any moment loses nothing.

A state folder holds two generations of one small file. Each save writes the older of the two anew: under a temporary name,
fsync, rename, fsync of the folder; so the newer one is whole at every moment. A generation is one line of JSON and one line
with its CRC-32. `load` never begins from the start because a file is damaged: it takes the other generation and says so, or
refuses. A lock keeps a second run out of the folder.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from zlib import crc32

import msgspec

from logsentry.errors import LogsentryError, Unavailable, UsageError
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor

VERSION = 1
Place = tuple[str, int]
"""(origin, offset) of a record."""

FILES = ("checkpoint-a.json", "checkpoint-b.json")


class Generation(msgspec.Struct, frozen=True):
    """One save. `sequence` counts the saves of the folder; `owner` is whose input this is a place in.

    `ahead` are records behind the cursor that are settled already, as {origin: offsets}: they are not to be taken again.
    """

    version: int
    owner: str
    sequence: int
    cursor: Cursor
    books: Books
    ahead: dict[str, list[int]] = {}


class Found(msgspec.Struct, frozen=True):
    """One file of a state folder: its generation, or what is wrong with it; neither where there is no file.

    `newer` is the format of a file that is whole and that only a later logsentry can read.
    """

    path: Path
    generation: Generation | None = None
    fault: str = ""
    newer: int = 0


class Resumed(msgspec.Struct, frozen=True):
    """Where to go on: a cursor, or None in a new folder. `warning` says what a damaged file has cost.

    `before` is the cursor of the generation before, which counts when the newest is lost. `again` says that an earlier run has
    used the folder, whether it came to save anything or not.
    """

    cursor: Cursor | None = None
    books: Books = Books()
    warning: str = ""
    ahead: frozenset[Place] = frozenset()
    before: Cursor | None = None
    again: bool = False


class Checkpoint:
    """The state folder of one run. Raises `Unavailable` where another run holds it."""

    def __init__(self, folder: Path, owner: str = "") -> None:
        self._folder, self._owner = folder, owner
        self._sequence, self._next, self._loaded = 0, FILES[0], False
        self._lock, self._again = _locked(folder)

    def load(self) -> Resumed:
        """The newest whole generation.

        Raises `LogsentryError` where files are there and none is whole, or where a newer logsentry wrote them, and `UsageError`
        where they belong to another pipeline.
        """
        found = inspect(self._folder)
        self._refuse_newer(found)
        newest = max((f for f in found if f.generation), key=_sequence, default=None)
        faults = [f.fault for f in found if f.fault]
        if newest is None or newest.generation is None:
            if faults:
                raise LogsentryError(f"{'; '.join(faults)}; remove {self._folder} to read from the start")
            self._loaded = True
            return Resumed(again=self._again)
        generation = newest.generation
        if generation.owner != self._owner:
            raise UsageError(
                f"the state in {self._folder} is of {generation.owner!r}, not of {self._owner!r}; give another folder"
            )
        self._sequence, self._next, self._loaded = generation.sequence, _other(newest.path.name), True
        if not faults and generation.sequence > 1 and any(f.generation is None for f in found):
            faults = [f"{self._folder / self._next} is missing"]
        ahead = frozenset((origin, offset) for origin, offsets in generation.ahead.items() for offset in offsets)
        older = next((f.generation.cursor for f in found if f.generation and f is not newest), None)
        return Resumed(generation.cursor, generation.books, _cost(faults, generation), ahead, older, again=True)

    def _refuse_newer(self, found: list[Found]) -> None:
        if newer := max(f.newer for f in found):
            raise LogsentryError(
                f"the state in {self._folder} was written by a newer logsentry (format {newer}); upgrade this one"
            )

    def save(self, cursor: Cursor, books: Books, ahead: Iterable[Place] = ()) -> None:
        """On disk when this returns. Raises `Unavailable` where it cannot be written; the generation before is whole then."""
        if not self._loaded:  # else a folder that is in use already would be numbered from one again
            self.load()
        path = self._folder / self._next
        generation = Generation(VERSION, self._owner, self._sequence + 1, cursor, books, _by_origin(ahead))
        try:
            _write(path, encoded(generation))
        except OSError as error:
            raise Unavailable(f"cannot save the checkpoint {path}: {error.strerror}") from error
        self._sequence, self._next = generation.sequence, _other(self._next)

    def close(self) -> None:
        """Let other runs have the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _by_origin(ahead: Iterable[Place]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for origin, offset in ahead:
        found.setdefault(origin, []).append(offset)
    return found


def inspect(folder: Path) -> list[Found]:
    """Both files of a state folder, whole or not; needs no lock."""
    return [_found(folder / name) for name in FILES]


def _found(path: Path) -> Found:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Found(path)
    except OSError as error:
        return Found(path, fault=f"{path} cannot be read: {error.strerror}")
    body, newline, check = data.partition(b"\n")
    if not newline or check != b"crc32 %08x\n" % crc32(body):
        return Found(path, fault=f"{path} is damaged or cut off ({len(data):,} bytes do not match their checksum)")
    try:
        content = json.loads(body)
        if content["version"] > VERSION:
            return Found(path, newer=content["version"])
        return Found(path, msgspec.convert(content, Generation))
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        return Found(path, fault=f"{path} is whole, but no checkpoint: {error!r}")


def encoded(generation: Generation) -> bytes:
    """What a checkpoint file holds. Plain `json`, as a path may hold what is no UTF-8 and msgspec would refuse it."""
    body = json.dumps(msgspec.to_builtins(generation)).encode()
    return body + b"\ncrc32 %08x\n" % crc32(body)


def _other(name: str) -> str:
    return FILES[1 - FILES.index(name)]


def _sequence(found: Found) -> int:
    return found.generation.sequence if found.generation else 0


def _cost(faults: list[str], generation: Generation) -> str:
    if not faults:
        return ""
    return (
        f"{'; '.join(faults)}; going on from save {generation.sequence:,}: records after it may be read a second time, "
        "which their ids tell, and none is left out"
    )


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _locked(folder: Path) -> tuple[int, bool]:
    """A descriptor that holds the folder's lock until it is closed, or until this process dies; and whether one held it before."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cannot keep state in {folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise Unavailable(
            f"another run (process {holder or 'unknown'}) uses the state folder {folder}; wait for it to end"
        ) from error
    again = os.fstat(lock).st_size > 0
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
    except OSError as error:
        os.close(lock)
        raise Unavailable(f"cannot keep state in {folder}: {error.strerror}") from error
    return lock, again
