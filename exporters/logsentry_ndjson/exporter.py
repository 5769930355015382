"""Scores as lines of JSON, to a file or to stdout: `ndjson:FILE`, or `-`.

    exporters:
      - ndjson: {path: scores.ndjson}

Lines carry their `id`, and nothing looks for one that is there already: with `append`, what is delivered twice stands twice.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from typing import BinaryIO, ClassVar

import msgspec
import orjson

from logsentry.sdk import Delivered, Outcome, Rejected, Scored, Unavailable, UsageError


class NdjsonConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`path` is emptied when the exporter is made, as a shell does for `>`, unless `append`; `-` is stdout."""

    path: str
    append: bool = False


class ClosedPipe(Unavailable, BrokenPipeError):
    """Whoever read stdout has read enough (`| head`). Also a `BrokenPipeError`, which a command ends on without a word."""


class Ndjson:
    """One line for each score, on disk when `export` returns."""

    Config: ClassVar[type[msgspec.Struct]] = NdjsonConfig

    def __init__(self, config: NdjsonConfig) -> None:
        self._path = config.path
        self._file: BinaryIO | None = None
        if config.path != "-":
            self._file = _opened(config)

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        """Raises `Unavailable` where the place cannot be written to; a file then ends with the last whole batch."""
        lines, outcomes = [], []
        for item in batch:
            line = _line(item)
            outcomes.append(line if isinstance(line, Rejected) else Delivered())
            if isinstance(line, bytes):
                lines.append(line)
        self._write(b"".join(lines))
        return outcomes

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, data: bytes) -> None:
        try:
            if self._path == "-":
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            elif self._file is not None:
                _append(self._file, data)
        except BrokenPipeError as error:
            raise ClosedPipe("nobody reads the output any more") from error
        except OSError as error:
            raise Unavailable(f"cannot write scores to {self._path}: {error.strerror}") from error


def _line(item: Scored) -> bytes | Rejected:
    try:
        return orjson.dumps(item.document(), option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError as error:  # half a surrogate pair, an integer beyond 64 bits
        return Rejected(f"the score {item.id} cannot be written as JSON: {error}")


def _opened(config: NdjsonConfig) -> BinaryIO:
    try:
        file = open(config.path, "r+b" if config.append and os.path.exists(config.path) else "wb", buffering=0)  # noqa: SIM115 - `close` closes it
    except OSError as error:
        raise UsageError(f"cannot write scores to {config.path}: {error.strerror}") from error
    if config.append and _regular(file):
        _drop_half_line(file)
    return file


def _drop_half_line(file: BinaryIO) -> None:
    """A crash may have cut the last line; what is added must not stick to it."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - (1 << 16))
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    file.seek(end)
    file.truncate()


def _append(file: BinaryIO, data: bytes) -> None:
    regular = _regular(file)
    end = file.tell() if regular else 0
    try:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        if regular:
            os.fsync(file.fileno())
    except OSError:
        if regular:
            file.seek(end)
            file.truncate()
        raise


def _regular(file: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
