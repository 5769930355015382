"""Chunks of Windows event logs, read in a child process that may hang, crash or be killed without harm to this one.

One child serves all chunks; it has a limit of memory, and each chunk one of time. Measured on a log of 1.1 MB: 40 ms to start it, and
then 3 microseconds an event over reading in this process, about a tenth of what an event costs in all. Wider pipes did not help.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
import weakref
from pathlib import Path

from logsentry.sdk import BadRecord
from logsentry_sysmon.evtx_worker import LENGTH

_WORKER = Path(__file__).with_name("evtx_worker.py")
_PIECE = 1 << 16
_LONGEST_ANSWER = 1 << 28


class _Gone(Exception):
    """The child has ended, or must be ended; the text says why."""


class ChunkReader:
    """Reads chunks, starting a child when there is none. `seconds` is for one chunk, `memory` in bytes for the child."""

    def __init__(self, seconds: float, memory: int) -> None:
        self._seconds, self._memory = seconds, memory
        self._child: subprocess.Popen[bytes] | None = None
        self._ending: weakref.finalize[..., ChunkReader] | None = None

    def read(self, chunk: bytes) -> tuple[list[bytes], list[str]]:
        """(records as JSON, reasons why others could not be read). Raises `BadRecord` where the chunk stopped the reader."""
        try:
            told = self._ask(chunk)
        except _Gone as gone:
            self.close()
            raise BadRecord(f"the reader of event logs {gone}, so this chunk is left out") from None
        good, _, bad = told.partition(b"\0")
        return good.split(b"\n") if good else [], bad.decode().split("\n") if bad else []

    def close(self) -> None:
        """End the child; the next chunk starts another. A child that is left ends with its reader, or with this process."""
        self._child = None
        if self._ending is not None:
            self._ending()

    @property
    def pid(self) -> int | None:
        """The child's process id, where there is a child."""
        return self._child.pid if self._child else None

    def _ask(self, chunk: bytes) -> bytes:
        child = self._child or self._start()
        assert child.stdin is not None
        assert child.stdout is not None
        exchange = _Exchange(child.stdin.fileno(), child.stdout.fileno(), time.monotonic() + self._seconds)
        return exchange.run(LENGTH.pack(len(chunk)) + chunk)

    def _start(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-I", str(_WORKER), str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._child, self._ending = child, weakref.finalize(self, _end, child)
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        return child


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    child.wait()


class _Exchange:
    """One question and its answer over two pipes that never block, with an end to its time."""

    def __init__(self, question: int, answer: int, until: float) -> None:
        self._question, self._answer, self._until = question, answer, until

    def run(self, data: bytes) -> bytes:
        told = bytearray()
        rest = memoryview(data)
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._answer, selectors.EVENT_READ)
            waiting.register(self._question, selectors.EVENT_WRITE)
            while len(told) < LENGTH.size or len(told) < LENGTH.size + self._length(told):
                for key, _ in waiting.select(self._left()):
                    if key.fd == self._answer:
                        told += self._read()
                    else:
                        rest = rest[self._write(rest) :]
                        if not rest:
                            waiting.unregister(self._question)
        return bytes(memoryview(told)[LENGTH.size :])

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise _Gone("took too long")
        return left

    def _read(self) -> bytes:
        try:
            piece = os.read(self._answer, _PIECE)
        except BlockingIOError:
            return b""
        if not piece:
            raise _Gone("ended in the middle, most likely for want of memory")
        return piece

    def _write(self, rest: memoryview) -> int:
        try:
            return os.write(self._question, rest[:_PIECE])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise _Gone("ended before it was asked") from None

    def _length(self, told: bytearray) -> int:
        length: int = LENGTH.unpack_from(told)[0]
        if length > _LONGEST_ANSWER:
            raise _Gone("answers more than a chunk can hold")
        return length
