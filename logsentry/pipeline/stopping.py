"""Ending a pass when the system asks for it: SIGTERM once is "finish what is in hand", twice is "now".

The signal sets a flag that the pass looks at between records. Where it waits (for an input that has nothing, for a place that
takes nothing), the wait is broken off by `Stopped`, which is no `Exception`: no plugin takes it for an error of its own.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from logsentry.schema.record import Cursor, Record
from logsentry.sdk import Input

TERMINATED = 143
"""What a shell reports of a process that SIGTERM ended: 128 + 15."""


class Stopped(BaseException):
    """A wait was broken off; nothing that was waited for has happened."""


class Stop:
    """Whether a pass was asked to end."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    def ask(self) -> None:
        """Raises `Stopped` where the pass is waiting just now, as a signal handler may."""
        self.asked = True
        if self._waiting:
            self._waiting = False
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Raises `Stopped` when it is asked meanwhile, or was before."""
        self._waiting = True
        if self.asked:
            self._waiting = False
            raise Stopped
        time.sleep(seconds)
        self._waiting = False

    def records(self, input_: Input, after: Cursor | None) -> Iterator[Record | None]:
        """What the input reads; None as the last thing when it is asked. A record that was read just then stays unread."""
        reading = iter(input_.read(after))
        while True:
            try:
                record = self._next(reading)
            except StopIteration:
                return
            except Stopped:
                yield None
                return
            yield record

    def _next(self, reading: Iterator[Record | None]) -> Record | None:
        self._waiting = True
        if self.asked:  # looked at after the flag is up, so that no signal falls between the two
            self._waiting = False
            raise Stopped
        try:
            return next(reading)
        finally:
            self._waiting = False


@contextmanager
def stopping() -> Iterator[Stop]:
    """SIGTERM asks once, and ends the process with exit code 143 when it comes again. For the main thread."""
    stop = Stop()

    def terminated(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            os._exit(TERMINATED)
        stop.ask()

    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
