"""What was delivered, scored and exported: one thread for each configuration of `--forward`, over its spool, for as long as the server runs.

The thread runs the ordinary pass (`pipeline/scoring.py`) and goes on from its checkpoint after every trouble, its own or the
exporters'. Meanwhile the spool takes more until it is full. What the HTTP addresses understand is in `bulk_intake.py` and `hec_intake.py`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from logsentry.config import Forward, Listen, load_forward
from logsentry.errors import LogsentryError, UsageError
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.continuous import ContinuousPass
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.run import Parts, describe, expect_repeats, parts, record
from logsentry.pipeline.stopping import Stop, Stopped
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor
from logsentry.server.settled import Settled, Told, untold
from logsentry.server.spool import Place, Spool
from logsentry.server.spool_input import SpoolInput

LOG = logging.getLogger("logsentry.server")
AGAIN = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds until the pass begins anew after its first, second … failure in a row."""

PRESSED = 0.75
"""Share of a spool's bytes from which on windows are closed early, so that some of it can be deleted."""


class ThreadStop(Stop):
    """Asked from another thread, which it never raises in; waits end at once."""

    def __init__(self) -> None:
        super().__init__()
        self._event = threading.Event()

    def ask(self) -> None:
        self.asked = True
        self._event.set()

    def sleep(self, seconds: float) -> None:
        if self._event.wait(seconds):
            raise Stopped


class Standing(msgspec.Struct, frozen=True):
    """How a forwarder is doing, for metrics and the status page. `trouble` is what it waits for to pass, or empty."""

    name: str
    books: Books
    windows: int
    alerts: int
    appended: int
    spool_bytes: int
    spool_most_bytes: int
    damaged_bytes: int
    trouble: str


class Forwarder:
    """One configuration at work. Raises what is wrong with it, and `Unavailable` where another server has its spool or its state."""

    def __init__(self, config: Forward, told: Told = untold) -> None:
        self.config, self._told = config, told
        self.trouble = ""
        self._stack = ExitStack()
        with ExitStack() as stack:
            self._checkpoint = stack.enter_context(Checkpoint(Path(config.state) / f"forward-{self.name}", self._owner))
            self._resumed = self._checkpoint.load()
            self._parts: Parts = stack.enter_context(parts(config))
            self.spool = Spool(Path(config.listen.spool.folder), config.listen.spool.most_bytes)
            self._stack = stack.pop_all()
        self._stop, self._failures = ThreadStop(), 0
        self._before, self._work = Books(), None if False else self._fresh()
        self._thread = threading.Thread(target=self._run, name=f"forward-{self.name}", daemon=True)

    @property
    def name(self) -> str:
        return self.config.listen.name

    @property
    def listen(self) -> Listen:
        return self.config.listen

    @property
    def _owner(self) -> str:
        return f"{self.config.source.use} forward {self.name}"
