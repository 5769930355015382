"""Records that could not be read or stored, kept with the reason, one JSON line each (`letter_lines.py`).

Lines are on disk when `flush` returns; until then a record must not be settled. Reading them back is in `letters.py`.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from logsentry.errors import InputError, Unavailable
from logsentry.pipeline.letter_lines import line_of
from logsentry.schema.event import event_id
from logsentry.schema.record import Record

PENDING = 1 << 20
"""Bytes of lines that wait for `flush` at most."""

TAIL = 4096
"""Bytes by which the part of the file that was read is known again; the time of its last letter is among them."""

_BEGIN = b'{"id": "'
_ID = slice(len(_BEGIN), len(_BEGIN) + 32)


class DeadLetters:
    """A file that is made with its first line. Several runs may add to one: under a lock, each looks what is there already."""

    def __init__(self, path: Path, config: str = "", bundle: str = "") -> None:
        """`config` and `bundle` are the digests of what the records met with."""
        self.path = path
        self._with = {name: digest for name, digest in (("config", config), ("bundle", bundle)) if digest}
        self._known: set[bytes] = set()  # ids in the file up to byte `_end`, before which `_last` stands
        self._end, self._inode, self._last = 0, 0, b""
        self._pending: dict[bytes, bytes] = {}
        self._size = 0
        self._mine: set[bytes] = set()

    @property
    def count(self) -> int:
        """How many records were dead-lettered here, whether their line was there already or not."""
        return len(self._mine)

    def write(self, record: Record, source: str, reason: str, *, status: int = 0, error: str = "", score: str = "") -> None:
        """Keep a record; raises what `flush` raises where many are waiting."""
        key = event_id(record).encode()
        if key in self._mine:
            return
        self._mine.add(key)
        said: dict[str, str | int] = {"status": status, "error": error, "score": score, **self._with}
        line = line_of(key.decode(), record, source, reason, {name: value for name, value in said.items() if value})
        self._pending[key] = line
        self._size += len(line)
        if self._size > PENDING:
            self.flush()

    def flush(self) -> None:
        """Put what waits on disk.

        Raises `Unavailable` where the file cannot be written (what waits is kept, the file ends with a whole line), and
        `InputError` where it holds something else than dead letters.
        """
        if not self._pending:
            return
        try:
            made = not self.path.exists()
            if not self.path.parent.exists():
                self.path.parent.mkdir(parents=True)
            with locked(self.path) as file:
                self._catch_up(file)
                self._append(file)
            if made:
                _sync(self.path.parent)
        except OSError as error:
            raise Unavailable(f"cannot write the dead letters {self.path}: {error.strerror}") from error
        self._pending, self._size = {}, 0

    def _catch_up(self, file: BinaryIO) -> None:
        """Learn the ids that were added since, and drop half a line that a crash left at the end."""
        inode, last = os.fstat(file.fileno()).st_ino, self._last
        there = os.pread(file.fileno(), len(last), self._end - len(last))
        if inode != self._inode or there != last:  # lines were removed, or the file written anew, maybe where it was once before
            self._known, self._end, self._inode, self._last = set(), 0, inode, b""
        file.seek(self._end)
        for line in file:
            if line[: len(_BEGIN)] != _BEGIN[: len(line)]:
                raise InputError(f"{self.path} holds something else than dead letters at byte {self._end:,}; give another file")
            if not line.endswith(b"\n"):
                file.truncate(self._end)
                return
            self._known.add(line[_ID])
            self._end, self._last = self._end + len(line), line[-TAIL:]

    def _append(self, file: BinaryIO) -> None:
        fresh = {key: line for key, line in self._pending.items() if key not in self._known}
        data = b"".join(fresh.values())
        descriptor = file.fileno()
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)  # /dev/null takes no fsync
        try:
            written = 0
            while written < len(data):
                written += os.write(descriptor, data[written:])
            if regular:
                os.fsync(descriptor)
        except OSError:
            if regular:
                os.ftruncate(descriptor, self._end)
            raise
        self._known.update(fresh)
        self._end, self._last = self._end + len(data), (self._last + data)[-TAIL:]


@contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    """The file, open to be read and added to, while nobody else adds lines or takes lines out. Raises `OSError`."""
    while True:
        with open(path, "ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _still(path, file):
                yield file
                return


def _still(path: Path, file: BinaryIO) -> bool:
    """Whether the open file is the one of that name: while we waited for the lock, another may have taken its place."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
