"""Records that could not be read or stored, kept with the reason, one JSON line each.

    {"id", "input", "origin", "offset", "line", "length", "reason", "source", "record", "attempts", "at"}

`id` is made of the record's place and bytes alone, so the same record in a later run adds no second line. `record` is text, or
base64 with `"encoding": "base64"` where it is no UTF-8, and ends after 1 MiB, `"truncated": true` then; `length` is the full length in
bytes. Where they are known there are also: `index`, `document`, `time` and `version` (where the record's document stands), `lacks`
(the field that it has not), `status` and `error` (a server's answer), `score` (the id of the score that was refused), and the digests
`config` and `bundle`. Lines are on disk when `flush` returns; until then a record must not be
settled. Reading them back is in `letters.py`.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from logsentry.errors import InputError, Unavailable
from logsentry.schema.event import event_id, timestamp
from logsentry.schema.record import Address, Record

KEPT = 1 << 20
"""Bytes of a record that are kept: what is longer cannot be replayed."""

PENDING = 1 << 20
"""Bytes of lines that wait for `flush` at most."""

_BEGIN = b'{"id": "'
_ID = slice(len(_BEGIN), len(_BEGIN) + 32)


class DeadLetters:
    """A file that is made with its first line. Several runs may add to one: under a lock, each looks what is there already."""

    def __init__(self, path: Path, config: str = "", bundle: str = "") -> None:
        """`config` and `bundle` are the digests of what the records met with."""
        self.path = path
        self._with = {name: digest for name, digest in (("config", config), ("bundle", bundle)) if digest}
        self._known: set[bytes] = set()  # ids in the file up to byte `_end`
        self._end, self._inode = 0, 0
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
        line = _line(key.decode(), record, source, reason, {name: value for name, value in said.items() if value})
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
        state = os.fstat(file.fileno())
        if state.st_size < self._end or state.st_ino != self._inode:  # somebody removed lines, or wrote the file anew
            self._known, self._end, self._inode = set(), 0, state.st_ino
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


def _line(key: str, record: Record, source: str, reason: str, also: Mapping[str, str | int]) -> bytes:
    said: dict[str, Any] = {
        "id": key,
        "input": record.input,
        "origin": record.origin,
        "offset": record.offset,
        "line": record.cursor.get("line"),
        "length": record.cursor.get("length", len(record.data)),
        **({"lacks": record.lacks} if record.lacks else {}),
        **_where(record.address),
        "reason": reason,
        "source": source,
        **also,
        "attempts": 1,
        **shown(record),
        "at": now(),
    }
    return encoded(said)


def encoded(said: Mapping[str, Any]) -> bytes:
    """A line of the file; what is no UTF-8 in a name is written out as an escape, which JSON reads back."""
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def now() -> str:
    return timestamp(time.time_ns() // 1_000_000 * 1_000_000)


def _where(address: Address | None) -> dict[str, Any]:
    if address is None:
        return {}
    version = [address.seq_no, address.primary_term]
    return {"index": address.index, "document": address.id, "version": version, "time": address.time}


def shown(record: Record) -> dict[str, Any]:
    """The first MiB as text, ending with a whole character, else as base64; and whether that is less than there was."""
    kept = record.data[:KEPT]
    cut = len(record.data) > KEPT
    length = record.cursor.get("length", len(record.data))
    less = {"truncated": True} if cut or (isinstance(length, int) and length > len(record.data)) else {}
    for spare in range(4 if cut else 1):
        try:
            return {"record": kept[: len(kept) - spare].decode(), **less}
        except UnicodeDecodeError:
            continue
    return {"record": b64encode(kept).decode(), "encoding": "base64", **less}


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
