"""Files sent to a server, and what came back put together: what `logsentry client score` does.

A window is made of one request's lines alone. So a file is sent whole, in one request, and its scores are those of `logsentry score`,
byte for byte. A file beyond the server's limits has to be cut (`chunk_lines`): then a session that crosses a cut is judged as two,
and its windows have other ids.
"""

from __future__ import annotations

import bz2
import glob
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from operator import add
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import orjson
import zstandard

from logsentry.errors import InputError, LogsentryError
from logsentry.schema.books import Books
from logsentry.sdk import Progress
from logsentry.server.client import Answer, Client

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


class Refusal(msgspec.Struct, frozen=True):
    """A record that the server could not read: in which file, at which line."""

    path: str
    line: int
    reason: str


class Posted(msgspec.Struct):
    """What has come back until now. `failure` is why the rest of a file could not be read."""

    model: str = ""
    windows: int = 0
    alerts: int = 0
    books: Books = Books()
    refusals: list[Refusal] = []
    failure: LogsentryError | None = None


class Plan(msgspec.Struct, frozen=True):
    """What is asked: of which model, about which source, in which form, and whether files are cut after so many lines."""

    source: str
    model: str = ""
    form: str = "raw"
    chunk_lines: int = 0


def post(client: Client, plan: Plan, paths: Sequence[str], write: Callable[[bytes], None], progress: Progress) -> Posted:
    """Score files, in order; `write` is given a JSON line a window as soon as its request is answered.

    Raises `InputError` before anything is sent where a file is missing, and what `Client.score` raises.
    """
    files = expanded(paths)
    posted, sent = Posted(), 0
    total = sum(Path(path).stat().st_size for path in files if path != STDIN)
    for path in files:
        with opened(path) as file:
            lines = 0
            for request in requests(file, path, plan.chunk_lines):
                answer = client.score(plan.source, request, plan.model, plan.form)
                _add(posted, answer, path, lines)
                write(b"".join(orjson.dumps(score, option=orjson.OPT_APPEND_NEWLINE) for score in answer.scores))
                lines += request.count(b"\n")
                progress(min(total, sent + _told(file)), 0 if STDIN in files else total, path)
            sent += _told(file)
    return posted


def _add(posted: Posted, answer: Answer, path: str, lines: int) -> None:
    posted.model = answer.model
    posted.windows += len(answer.scores)
    posted.alerts += sum(bool(score.get("alert")) for score in answer.scores)
    posted.books = Books(*map(add, msgspec.structs.astuple(posted.books), msgspec.structs.astuple(answer.books)))
    for rejected in answer.rejected:
        if rejected.line is None:
            posted.failure = InputError(f"{path}: {rejected.reason}")
        else:
            posted.refusals.append(Refusal(path, lines + rejected.line, rejected.reason))


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


def _told(file: BinaryIO) -> int:
    return file.tell() if file.seekable() else 0


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
