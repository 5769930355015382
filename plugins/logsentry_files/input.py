"""The input `files`: plain or packed files, patterns and stdin, cut into records that can be resumed after.

    inputs:
      - files: {paths: ["/var/log/nginx/access.log*"]}

A record's `offset` counts the uncompressed bytes, so the same line keeps its id when its file is rotated and packed. What is
told of a record besides its place: `cursor["line"]`, and `cursor["length"]` where only the beginning of a longer record was kept.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar
from zlib import crc32

import msgspec

from logsentry.sdk import Cursor, Framing, InputError, Record
from logsentry_files.compression import Archives
from logsentry_files.config import FilesConfig
from logsentry_files.lines import Lines
from logsentry_files.resume import Place, lost, passing, place_of, resume
from logsentry_files.stream import Stream


class Files:
    """Reads each file once, in order; a file that is named twice, or linked to, is one file."""

    Config: ClassVar[type[msgspec.Struct]] = FilesConfig

    def __init__(self, config: FilesConfig) -> None:
        config.check()
        self._config = config
        self._stream: Stream | None = None
        self._archives = Archives()
        self._before = self._total = 0
        self._choose: Callable[[bytes], Framing] | None = None

    def framed_by(self, choose: Callable[[bytes], Framing]) -> None:
        """Let a source choose each file's framing by its first bytes."""
        self._choose = choose

    def position(self) -> tuple[int, int]:
        """(bytes read, bytes in all) of the files as they lie on disk; the total is 0 where a pipe is among them."""
        return self._before + (0 if self._stream is None else self._stream.size), self._total

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        """Records in order; None while a pipe is idle.

        Raises `InputError` before the first record for a path that is missing, unreadable or a folder, and after the records
        before it for a damaged archive.
        """
        paths = _expanded(self._config.paths)
        place = None if after is None else place_of(after)
        self._archives.close()
        archives = self._archives = Archives()
        try:
            yield from self._pass(paths, place, partial(Stream, config=self._config, archives=archives, choose=self._choose))
        finally:
            archives.close()

    def _pass(self, paths: list[str], place: Place | None, opened: Callable[[str], Stream]) -> Iterator[Record | None]:
        skip, resumed = (0, "") if place is None else resume(paths, place, opened)
        passed = "" if place is None or not skip else place.passed
        sizes = {path: os.path.getsize(path) if os.path.isfile(path) else 0 for path in paths}
        self._total = sum(sizes.values()) if all(map(os.path.isfile, paths)) else 0
        for number, path in enumerate(paths[skip:], skip):
            self._before = sum(sizes[earlier] for earlier in paths[:number])
            with opened(path) as stream:
                self._stream = stream
                if place is not None and path == resumed:
                    yield from _resumed(stream, path, passed, place)
                else:
                    yield from _records(stream, path, passed, stream.begin, 0)
                passed = passing(passed, stream.origin, stream.size) if stream.regular else passing(passed, path, 0)

    def close(self) -> None:
        self._archives.close()
        if self._stream is not None:
            self._stream.close()


def _records(stream: Stream, path: str, passed: str, start: int, number: int) -> Iterator[Record | None]:
    """The records of one stream from byte `start` on, the first of them with line number `number` + 1."""
    origin = stream.origin
    for lines in stream.lines(start):
        if lines is None:
            yield None
            continue
        start = lines.offset
        if not lines.ended or lines.whole:
            number += 1
            yield _unusual(lines, path, origin, passed, number)
            continue
        for line in lines.lines:
            end = start + len(line) + 1
            number += 1
            cursor: Cursor = {
                "path": path, "origin": origin, "start": start, "offset": end, "line": number,
                "crc": crc32(line), "passed": passed,
            }  # fmt: skip
            yield Record(line[:-1] if line[-1:] == b"\r" else line, path, origin, start, cursor)
            start = end


def _unusual(lines: Lines, path: str, origin: str, passed: str, number: int) -> Record:
    """A record that was cut, or that no newline ends."""
    line, start = lines.lines[0], lines.offset
    end = start + (lines.span or lines.whole or len(line)) + lines.ended
    cursor: Cursor = {
        "path": path, "origin": origin, "start": start, "offset": end, "line": number,
        "crc": crc32(line), "passed": passed,
    }  # fmt: skip
    if lines.whole:
        cursor["length"] = lines.whole
    return Record(line, path, origin, start, cursor)


def _resumed(stream: Stream, path: str, passed: str, place: Place) -> Iterator[Record | None]:
    """What comes after the place; the record there is given out again only where it has grown since."""
    if stream.origin != place.origin:
        raise lost(place)
    found = False
    for record in _records(stream, path, passed, place.start, place.line - 1):
        if record is not None and not found:
            found = True
            if record.cursor["crc"] == place.crc:
                continue
            if not place.grew(record.data):
                raise lost(place)
        yield record
    if not found:
        raise lost(place)


def _expanded(paths: list[str]) -> list[str]:
    """The files themselves, checked before any of them is read."""
    found: dict[str, str] = {}
    for path in paths:
        for match in _matches(path):
            found.setdefault("-" if match == "-" else os.path.realpath(match), match)
    return list(found.values())


def _matches(path: str) -> list[str]:
    if path == "-":
        return [path]
    if glob.has_magic(path) and not os.path.lexists(path):
        matches = sorted(match for match in glob.glob(path, recursive=True) if not os.path.isdir(match))
        if not matches:
            raise InputError(f"no file matches {path}")
    else:
        matches = [path]
    for match in matches:
        _check(match)
    return matches


def _check(path: str) -> None:
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder; name its files or a pattern such as {os.path.join(path, '*')}")
    if not os.path.exists(path):
        raise InputError(f"there is no file {path}")
    if not os.access(path, os.R_OK):
        raise InputError(f"cannot read {path}: permission denied")
