"""Records that could not be read or stored, kept with the reason, one JSON line each.

    {"id", "input", "offset", "line", "length", "reason", "source", "record", "at"}

`id` is made of the record's place and bytes alone, so the same record in a later run adds no second line. `record` is text, or
base64 with `"encoding": "base64"` where it is no UTF-8, and ends after 64 KiB; `length` is the full length in bytes. Lines are
on disk when `flush` returns; until then a record must not be settled.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from base64 import b64encode
from pathlib import Path
from typing import Any, BinaryIO

from logsentry.errors import InputError, Unavailable
from logsentry.schema.event import event_id, timestamp
from logsentry.schema.record import Record

KEPT = 64 << 10
PENDING = 1 << 20
"""Bytes of lines that wait for `flush` at most."""

_BEGIN = b'{"id": "'
_ID = slice(len(_BEGIN), len(_BEGIN) + 32)


class DeadLetters:
    """A file that is made with its first line. Several runs may add to one: under a lock, each looks what is there already."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[bytes] = set()  # ids in the file up to byte `_end`
        self._end = 0
        self._pending: dict[bytes, bytes] = {}
        self._size = 0
        self._mine: set[bytes] = set()

    @property
    def count(self) -> int:
        """How many records were dead-lettered here, whether their line was there already or not."""
        return len(self._mine)

    def write(self, record: Record, source: str, reason: str) -> None:
        """Keep a record; raises what `flush` raises where many are waiting."""
        key = event_id(record).encode()
        if key in self._mine:
            return
        self._mine.add(key)
        line = _line(key.decode(), record, source, reason)
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
            with open(self.path, "ab+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._catch_up(file)
                self._append(file)
            if made:
                _sync(self.path.parent)
        except OSError as error:
            raise Unavailable(f"cannot write the dead letters {self.path}: {error.strerror}") from error
        self._pending, self._size = {}, 0

    def _catch_up(self, file: BinaryIO) -> None:
        """Learn the ids that were added since, and drop half a line that a crash left at the end."""
        if os.fstat(file.fileno()).st_size < self._end:  # somebody removed lines
            self._known, self._end = set(), 0
        file.seek(self._end)
        for line in file:
            if line[: len(_BEGIN)] != _BEGIN[: len(line)]:
                raise InputError(f"{self.path} holds something else than dead letters at byte {self._end:,}; give another file")
            if not line.endswith(b"\n"):
                file.truncate(self._end)
                return
            self._known.add(line[_ID])
            self._end += len(line)

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
        self._end += len(data)


def _line(key: str, record: Record, source: str, reason: str) -> bytes:
    said: dict[str, Any] = {
        "id": key,
        "input": record.input,
        "offset": record.offset,
        "line": record.cursor.get("line"),
        "length": record.cursor.get("length", len(record.data)),
        "reason": reason,
        "source": source,
        **_shown(record.data),
        "at": timestamp(time.time_ns() // 1_000_000 * 1_000_000),
    }
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _shown(data: bytes) -> dict[str, str]:
    """The first 64 KiB as text, ending with a whole character, else as base64."""
    kept = data[:KEPT]
    for spare in range(4 if len(data) > KEPT else 1):
        try:
            return {"record": kept[: len(kept) - spare].decode()}
        except UnicodeDecodeError:
            continue
    return {"record": b64encode(kept).decode(), "encoding": "base64"}


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
