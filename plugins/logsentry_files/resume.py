"""Where to go on after a cursor: a file may have been renamed, compressed, grown or replaced since.

A cursor names the file by its path and its origin, and the place by the last record: where it began (`start`) and a checksum
of it (`crc`). Reading goes on at that record, which must be there unchanged and is not given out again. `passed` is a digest
of the files before it. Nothing is ever skipped on the word of a name alone: where the earlier files are not those that were
read, they are read again, which repeats records (their ids tell) and loses none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from zlib import crc32

import msgspec

from logsentry.sdk import Cursor, InputError
from logsentry_files.raw import unreadable
from logsentry_files.stream import Stream


class Place(msgspec.Struct, frozen=True):
    """A cursor, typed: the record from `start` up to `offset`, line number `line`, of the file `path`."""

    path: str
    origin: str
    start: int
    offset: int
    line: int
    crc: int
    passed: str

    def same(self, line: bytes) -> bool:
        """Whether this line is the record that the cursor stands behind."""
        return crc32(line) == self.crc

    def grew(self, line: bytes) -> bool:
        """Whether this line begins with that record: its writer had not finished it when it was read."""
        size = self.offset - self.start
        return len(line) > size and crc32(line[:size]) == self.crc


def place_of(cursor: Cursor) -> Place:
    try:
        return msgspec.convert(cursor, Place)
    except msgspec.ValidationError as error:
        raise InputError(f"the saved cursor is not one of the input files: {error}") from error


def passing(before: str, origin: str, size: int) -> str:
    """The digest of the files read so far, with one more: its origin and its size in bytes as it lies on disk."""
    return blake2b(f"{before}\0{origin}\0{size}".encode(), digest_size=8).hexdigest()


def resume(paths: Sequence[str], place: Place, opened: Callable[[str], Stream]) -> tuple[int, str]:
    """How many of the files to skip, and the one to go on in.

    Raises `InputError` where no file holds the cursor's record any more.
    """
    path = _holder(paths, place, opened)
    index = paths.index(path)
    skip = path == place.path and _passed(paths[:index], opened) == place.passed
    return (index if skip else 0), path


def _holder(paths: Sequence[str], place: Place, opened: Callable[[str], Stream]) -> str:
    for path in sorted(paths, key=lambda path: path != place.path):
        if os.path.isfile(path):
            if _holds(path, place, opened):
                return path
        elif path == place.path:  # a pipe: the record is looked for when it is read
            return path
    raise lost(place)


def _holds(path: str, place: Place, opened: Callable[[str], Stream]) -> bool:
    """Whether the file begins as it did and, where one can seek, has the record at its place."""
    with opened(path) as stream:
        if stream.origin != place.origin or not stream.seekable:
            return stream.origin == place.origin
        lines = next(stream.lines(place.start), None)
        return lines is not None and (place.same(lines.lines[0]) or place.grew(lines.lines[0]))


def _passed(paths: Sequence[str], opened: Callable[[str], Stream]) -> str:
    digest = ""
    for path in paths:
        if not os.path.isfile(path):
            digest = passing(digest, path, 0)
            continue
        with opened(path) as stream:
            digest = passing(digest, stream.origin, _size(path))
    return digest


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise unreadable(path, error) from error


def lost(place: Place) -> InputError:
    return InputError(
        f"cannot go on after line {place.line:,} of {place.path}: no input holds it at byte {place.start:,} any more, so the "
        "file was removed, cut or replaced; remove the saved state to read every input from its beginning"
    )
