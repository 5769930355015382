"""The bytes of a path, or of stdin, as they lie there: packed or not is the business of `compression.py`."""

from __future__ import annotations

import os
import select
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO

from logsentry.sdk import InputError

IDLE_SECONDS = 1.0

Block = bytes | None
"""None: a pipe has had nothing to say for `IDLE_SECONDS`."""


class Raw:
    """The bytes of a path as they lie there; `at` counts those given out."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.at = 0
        try:
            self._file = _stdin() if path == "-" else open(path, "rb", buffering=0)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise unreadable(path, error) from error
        self.regular = path != "-" and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        self._poll = None if self.regular else _poll(self._file)
        self._head = b""
        self._spool: IO[bytes] | None = None

    def head(self, wanted: int = 262) -> bytes:
        """The first bytes without taking them: `wanted` of them, or fewer where the input is shorter."""
        while len(self._head) < wanted and (more := self._read(1 << 15)):
            self._head += more
        return self._head

    def pieces(self, size: int) -> Iterator[Block]:
        """What follows, in pieces of at most `size` bytes; a pipe gives what it has at once."""
        if self._head:
            piece, self._head = self._head, b""
            self.at += len(piece)
            yield piece
        while True:
            if self._poll and not self._poll.poll(IDLE_SECONDS * 1000):
                yield None
            elif piece := self._read(size):
                self.at += len(piece)
                yield piece
            else:
                return

    def seek(self, at: int) -> None:
        self._head, self.at = b"", at
        self._file.seek(at)

    def descriptor(self) -> int:
        """An open file from which another process can go on behind the head; it is closed here."""
        try:
            return self._file.fileno()
        except (OSError, ValueError):  # stdin is an object of this process
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
            shutil.copyfileobj(self._file, self._spool)
            self._spool.seek(0)
            return self._spool.fileno()

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
        if self.path != "-":
            self._file.close()


def unreadable(path: str, error: OSError) -> InputError:
    return InputError(f"cannot read {path}: {error.strerror or error}")


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise InputError("there is no standard input to read")
    try:
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    except (OSError, ValueError):  # stdin is an object of this process, as under a test runner
        return sys.stdin.buffer


def _poll(file: BinaryIO) -> select.poll | None:
    try:
        descriptor = file.fileno()
    except (OSError, ValueError):
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll
