"""Blocks of bytes cut at each newline, with the offset of every line, in bounded memory.

A line ends with LF or CRLF; NUL bytes and invalid UTF-8 pass as they are. Records and cursors are made in `input.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from logsentry_files.raw import Block


class Lines(NamedTuple):
    """Consecutive lines without their LF (a CR still at the end); `offset` is the first byte of the first one.

    `whole` is the true length of a line that was cut: it stands alone then, and `lines[0]` is only its beginning. `ended` is
    False for a last line that no newline ends, and for records that are no lines. `span` is how many bytes of the input a record
    stands for, where that is not its length.
    """

    offset: int
    lines: list[bytes]
    whole: int = 0
    ended: bool = True
    span: int = 0


def cut(blocks: Iterable[Block], offset: int, limit: int) -> Iterator[Lines | None]:
    """All lines of the blocks, which begin at `offset`; of a line over `limit` bytes only the first `limit`.

    The lines of one block come in one `Lines`, so that the caller's loop is the only Python that runs for each line.
    """
    begun = _Begun()
    for block in blocks:
        if block is None:
            yield None
            continue
        first, newline, rest = block.partition(b"\n")
        begun.add(first, limit)
        if newline:
            yield begun.lines(offset)
            offset += begun.length + 1
            lines = rest.split(b"\n")
            begun = _Begun()
            begun.add(lines.pop(), limit)
            yield from _batches(lines, offset, limit)
            offset += len(rest) - begun.length
    if begun.length:
        yield begun.lines(offset)._replace(ended=False)


def uncut(blocks: Iterable[Block], offset: int, limit: int) -> Iterator[Lines | None]:
    """All the bytes as one record, or none where there are no bytes."""
    begun = _Begun()
    for block in blocks:
        begun.add(block or b"", limit)
    if begun.length:
        yield begun.lines(offset)._replace(ended=False)


class _Begun:
    """A line whose end has not been seen yet: at most `limit` of its bytes, and how many there were."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._kept = 0
        self.length = 0

    def add(self, part: bytes, limit: int) -> None:
        self.length += len(part)
        if part and self._kept < limit:
            self._parts.append(part[: limit - self._kept])
            self._kept += len(self._parts[-1])

    def lines(self, offset: int) -> Lines:
        line = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        return Lines(offset, [line], self.length if self.length > self._kept else 0)


def _batches(lines: list[bytes], offset: int, limit: int) -> Iterator[Lines]:
    if all(len(line) <= limit for line in lines):
        if lines:
            yield Lines(offset, lines)
        return
    for line in lines:
        yield Lines(offset, [line[:limit]], len(line) if len(line) > limit else 0)
        offset += len(line) + 1
