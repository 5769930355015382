"""What a segment of a spool looks like on disk, and finding the whole records in it, whatever happened to the rest.

A segment is a file `NUMBER-ID.spool`: one line with the format's version, then records. Each record is a head of 16 bytes (a mark,
the content's length and checksum, a checksum of the head) and its content. The head's checksum covers the record's place and the
segment's random id as well, so bytes that look like a record inside somebody's log line are none. Behind damage the next whole
record is looked for by its mark. Writing is in `folder.py`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec

from logsentry.errors import LogsentryError

VERSION = 1
MARK = b"\xf5LSR"
"""Begins with a byte that UTF-8 never has."""

LARGEST = 64 << 20
"""Bytes of one record."""

STEP = 1 << 20
"""Bytes that are searched at a time for the next whole record."""

_HEAD = struct.Struct("<4sIII")
_SUMMED = slice(4, 12)
HEAD_BYTES = _HEAD.size
_NAME = re.compile(r"(\d{12})-([0-9a-f]{32})\.spool")


class Segment(msgspec.Struct, frozen=True, order=True):
    """One file of a spool. `id` is random; with it the places of records are told apart for ever."""

    number: int
    id: str
    path: Path

    @property
    def key(self) -> int:
        return crc32(self.id.encode())


class Piece(msgspec.Struct, frozen=True):
    """Bytes [at, behind) of a segment: a record's content, or None where they are no whole record."""

    at: int
    behind: int
    content: bytes | None


def title(version: int = VERSION) -> bytes:
    """The first line of a segment."""
    named = b"logsentry spool %d" % version
    return named + b" crc32 %08x\n" % crc32(named)


FIRST = len(title())
"""Where the first record begins."""


def segment(folder: Path, number: int, id_: str) -> Segment:
    return Segment(number, id_, folder / f"{number:012d}-{id_}.spool")


def segments(folder: Path) -> list[Segment]:
    """Those that are there, in order."""
    named = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted(Segment(int(match[1]), match[2], path) for match, path in named if match)


def framed(contents: Sequence[bytes], key: int, at: int) -> bytes:
    """Records as they stand in a segment from byte `at` on."""
    parts: list[bytes] = []
    for content in contents:
        summed = struct.pack("<II", len(content), crc32(content))
        parts += (MARK, summed, struct.pack("<I", crc32(summed, _seed(key, at))), content)
        at += HEAD_BYTES + len(content)
    return b"".join(parts)


def refuse_newer(file: BinaryIO, path: Path) -> None:
    """Raises `LogsentryError` for a segment that only a later logsentry can read; a damaged first line is none."""
    file.seek(0)
    if file.read(FIRST) in {title(version) for version in range(VERSION + 1, 10)}:
        raise LogsentryError(f"{path} was written by a newer logsentry; upgrade this one")


def pieces(file: BinaryIO, key: int, start: int, until: int) -> Iterator[Piece]:
    """Everything in [start, until), which begins at a record: whole records, and what lies between them."""
    at = start
    while at < until:
        content = whole(file, key, at, until)
        if content is None:
            behind = _next_whole(file, key, at + 1, until)
            yield Piece(at, behind, None)
        else:
            behind = at + HEAD_BYTES + len(content)
            yield Piece(at, behind, content)
        at = behind


def whole(file: BinaryIO, key: int, at: int, until: int) -> bytes | None:
    """The content of the record that begins at this byte, where one does and all of it is there."""
    file.seek(at)
    head = file.read(HEAD_BYTES)
    length = _length(head, key, at)
    if length is None or at + HEAD_BYTES + length > until:
        return None
    content = file.read(length)
    return content if len(content) == length and crc32(content) == _HEAD.unpack(head)[2] else None


def torn(file: BinaryIO, key: int, at: int, until: int) -> bool:
    """Whether [at, until) is what the end of a process leaves: less than a head, or a whole head with too little content."""
    file.seek(at)
    head = file.read(min(HEAD_BYTES, until - at))
    if len(head) < HEAD_BYTES:
        return True
    length = _length(head, key, at)
    return length is not None and at + HEAD_BYTES + length > until


def _length(head: bytes, key: int, at: int) -> int | None:
    """What a head says, where it is one."""
    if len(head) < HEAD_BYTES:
        return None
    mark, length, _, check = _HEAD.unpack(head)
    return length if mark == MARK and length <= LARGEST and crc32(head[_SUMMED], _seed(key, at)) == check else None


def _seed(key: int, at: int) -> int:
    return crc32(at.to_bytes(8, "little"), key)


def _next_whole(file: BinaryIO, key: int, start: int, until: int) -> int:
    """Where the next whole record begins; `until` where there is none."""
    at = start
    while at < until:
        file.seek(at)
        block = file.read(min(STEP, until - at))
        hit = block.find(MARK)
        while hit >= 0:
            if whole(file, key, at + hit, until) is not None:
                return at + hit
            hit = block.find(MARK, hit + 1)
        at += max(1, len(block) - len(MARK) + 1)
    return until
