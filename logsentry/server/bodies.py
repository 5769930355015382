"""Files as the bodies of requests: unpacked whatever packed them, whole, or cut at lines.

A body is never packed as its file was: what unpacks here says which file is damaged, before anything is sent.
"""

from __future__ import annotations

import bz2
import glob
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from logsentry.errors import InputError

LARGEST = 1 << 28
"""Bytes that are sent as one request, unpacked; no server takes as many unless it was told to."""

READ = 1 << 17
STDIN = "-"

PACKED: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(31)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
    (b"\x28\xb5\x2f\xfd", lambda: zstandard.ZstdDecompressor().decompressobj()),
)
"""How a packed file begins, and what unpacks one member of it."""

DAMAGED = (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError, OSError)


def expanded(paths: Sequence[str]) -> list[str]:
    """Files as they are named, patterns as what they match, in order. Raises `InputError` for what is no file."""
    found: list[str] = []
    for path in paths:
        found += [path] if path == STDIN or Path(path).exists() else sorted(glob.glob(path)) or [path]
    for path in found:
        if path != STDIN and (not Path(path).exists() or Path(path).is_dir()):
            raise InputError(f"{path} is a folder; name the files in it" if Path(path).is_dir() else f"there is no file {path}")
    return found


def opened(path: str) -> Any:
    """The file; stdin is not closed at the end."""
    if path == STDIN:
        return nullcontext(sys.stdin.buffer)
    try:
        return open(path, "rb")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def requests(file: BinaryIO, path: str, chunk_lines: int) -> Iterator[bytes]:
    """The bodies that a file is sent as: one, or several of so many lines. Raises `InputError` where it is damaged or too large."""
    parts = unpacked(file, path)
    return in_chunks(parts, chunk_lines) if chunk_lines else iter([whole(parts, path)])


def whole(parts: Iterator[bytes], path: str) -> bytes:
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > LARGEST:
            raise InputError(f"{path} has more than {LARGEST:,} bytes, too many for one request; cut it with --chunk-lines")
    return b"".join(held)


def in_chunks(parts: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """Pieces of so many lines each, their ends kept; put together again they are what came in."""
    held: list[bytes] = []
    count = 0
    for part in parts:
        start = 0
        while (end := part.find(b"\n", start)) >= 0:
            held.append(part[start : end + 1])
            start, count = end + 1, count + 1
            if count == lines:
                yield b"".join(held)
                held, count = [], 0
        held.append(part[start:])
    if any(held):
        yield b"".join(held)


def unpacked(file: BinaryIO, path: str) -> Iterator[bytes]:
    """The content of a plain, gzip, bzip2, xz or zstd file, whatever its name. Raises `InputError` where it is damaged or cut off."""
    try:
        part = file.read(READ)
        make = next((make for magic, make in PACKED if part.startswith(magic)), None)
        while part:
            if make is None:
                yield part
                part = file.read(READ)
            else:
                yield from _members(file, part, make)
                part = b""
    except DAMAGED as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} is damaged or cut off: {reason}") from error


def _members(file: BinaryIO, part: bytes, make: Callable[[], Any]) -> Iterator[bytes]:
    """One member after another. Raises `EOFError` where the last one has no end."""
    unpacker: Any = None
    while part:
        unpacker = unpacker or make()
        yield unpacker.decompress(part)
        part = unpacker.unused_data if unpacker.eof else file.read(READ)
        if unpacker.eof:
            unpacker, part = None, part or file.read(READ)
    if unpacker is not None:
        raise EOFError("it ends in the middle")
