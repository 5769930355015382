"""The child process that unpacks archives; started by `compression.py`, imported by nobody else.

A damaged or hostile archive may make a decompressor loop, take all memory or crash: that must end this process and no other. It
is handed one open file after another over a socket (standard input), and writes what they hold to standard output. A request
that arrives while it still works means that nobody wants the rest of that archive.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import sys
import time

from logsentry_files.formats import BLOCK, kind_of
from logsentry_files.members import Packed, Refused, Unpacker
from logsentry_files.messages import ANSWER, DATA, END, REFUSED, REQUEST, SHORT


class Dropped(Exception):
    """The parent has asked for another archive, or is gone."""


class Limits:
    """Memory in bytes for the whole process, and seconds of computing until something must have been read or given out."""

    def __init__(self, memory: int, seconds: int) -> None:
        self._seconds = seconds
        _lower(resource.RLIMIT_AS, memory)
        _lower(resource.RLIMIT_CORE, 0)
        self.progress()

    def progress(self) -> None:
        """Begin the seconds anew; the system ends the process with SIGXCPU when they are over."""
        _lower(resource.RLIMIT_CPU, int(time.process_time()) + 1 + self._seconds)


def _lower(kind: int, limit: int) -> None:
    """Set the soft limit: the hard one stays, so that the next may be higher, and is never passed."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


class Answers:
    """What goes back about the archive `number`, in messages of at most `BLOCK` bytes."""

    def __init__(self, number: int, limits: Limits) -> None:
        self._number, self._limits = number, limits
        self._held: list[bytes] = []
        self._size = 0

    def add(self, content: bytes, at: int) -> None:
        """Content that came out when `at` bytes of the archive had been taken; small pieces wait for others."""
        self._held.append(content)
        self._size += len(content)
        if self._size >= BLOCK:
            self.flush(at)

    def flush(self, at: int) -> None:
        content = memoryview(b"".join(self._held))
        self._held, self._size = [], 0
        for start in range(0, len(content), BLOCK):
            self._write(DATA, at, content[start : start + BLOCK])

    def end(self, kind: bytes, at: int, said: str = "") -> None:
        self.flush(at)
        self._write(kind, at, memoryview(said.encode("utf-8", "surrogateescape")))

    def _write(self, kind: bytes, at: int, payload: memoryview) -> None:
        self._limits.progress()
        head = ANSWER.pack(kind, self._number, at, len(payload))
        written = os.writev(1, (head, payload)) - len(head)  # so few bytes as the head are never split (pipe(7))
        while written < len(payload):
            written += os.write(1, payload[written:])


class Waiting:
    """Whether the archive can be read now; raises `Dropped` where the parent has something else to say."""

    def __init__(self, asked: socket.socket, descriptor: int, regular: bool, limits: Limits) -> None:
        self._asked, self._descriptor, self._regular, self._limits = asked.fileno(), descriptor, regular, limits
        self._poll = select.poll()
        self._poll.register(self._asked, select.POLLIN)
        if not regular:
            self._poll.register(descriptor, select.POLLIN)

    def __call__(self, wait: bool) -> bool:
        self._limits.progress()
        ready = [descriptor for descriptor, _ in self._poll.poll(None if wait else 0)]
        if self._asked in ready:
            raise Dropped
        return self._regular or bool(ready)


def serve(asked: socket.socket, limits: Limits) -> None:
    """Unpack archive after archive until the parent is gone."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(asked, REQUEST.size, 1)
        if len(request) < REQUEST.size:
            return
        try:
            _unpack(asked, REQUEST.unpack(request), descriptors[0], limits)
        except Dropped:  # the next request says what is wanted instead
            continue
        finally:
            os.close(descriptors[0])


def _unpack(asked: socket.socket, request: tuple[int, bool, float, int, int], descriptor: int, limits: Limits) -> None:
    number, regular, max_ratio, path_size, head_size = request
    path = os.fsdecode(_exactly(asked, path_size))
    head = _exactly(asked, head_size)
    answers = Answers(number, limits)
    packed = Packed(path, descriptor, regular, head, Waiting(asked, descriptor, regular, limits))
    try:
        for block in Unpacker(packed, kind_of(head) or "", max_ratio).blocks():
            if block is None:
                answers.flush(packed.at)
            else:
                answers.add(block, packed.at)
    except Refused as refused:
        answers.end(REFUSED, packed.at, str(refused))
    except MemoryError:
        answers.end(SHORT, packed.at)
    else:
        answers.end(END, packed.at)


def _exactly(asked: socket.socket, size: int) -> bytes:
    """What of the request is still to come, all of it. Raises `Dropped` where the parent is gone."""
    told = b""
    while len(told) < size:
        if not (piece := asked.recv(size - len(told))):
            raise Dropped
        told += piece
    return told


def main() -> None:
    """`memory` and `seconds` are the last two arguments."""
    limits = Limits(int(sys.argv[-2]), int(sys.argv[-1]))
    with socket.socket(fileno=0) as asked:
        serve(asked, limits)
