"""What was delivered, scored and exported: one thread for each configuration of `--forward`, over its spool, while the server runs.

The thread runs the ordinary pass (`pipeline/scoring.py`) and goes on from its checkpoint after every trouble, its own or the
exporters'. Meanwhile the spool takes more until it is full. What the HTTP addresses understand is in `bulk_intake.py` and `hec_intake.py`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from logsentry.config import Forward, Listen, load_forward
from logsentry.errors import LogsentryError, UsageError
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.continuous import ContinuousPass
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.run import describe, expect_repeats, parts, record
from logsentry.pipeline.stopping import Stop, Stopped
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor
from logsentry.server.settled import Settled, Told, untold
from logsentry.server.spool import Place, Spool
from logsentry.server.spool_input import SpoolInput

LOG = logging.getLogger("logsentry.server")
AGAIN = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds until the pass begins anew after its first, second … failure in a row."""

GRACE_SECONDS = 30.0
"""For a pass to end when the server is told to stop."""

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
    """One configuration at work. Raises what is wrong with it, and `Unavailable` where another server has its spool or its state.

    `told` hears the numbers of requests whose records have ended (`Settled`), in the forwarder's own thread.
    """

    def __init__(self, config: Forward, told: Told = untold) -> None:
        self.config, self.told, self.trouble = config, told, ""
        self._stop, self._failures = ThreadStop(), 0
        self._work: ContinuousPass | None = None
        self._before, self._windows, self._alerts = Books(), 0, 0
        with ExitStack() as stack:
            self._checkpoint = stack.enter_context(Checkpoint(Path(config.state) / f"forward-{self.name}", self._owner))
            self._checkpoint.load()
            self._parts = stack.enter_context(parts(config))
            self.spool = Spool(Path(config.listen.spool.folder), config.listen.spool.most_bytes)
            self._open = stack.pop_all()
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

    def start(self) -> None:
        self._thread.start()

    def abandon(self) -> None:
        """Let go of everything; it was never started."""
        self.spool.abandon()
        self._open.close()

    async def close(self) -> None:
        """End the pass after the batch in hand. What waits in windows or in the spool is taken up by the next start."""
        self._stop.ask()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, GRACE_SECONDS)
        if self._thread.is_alive():
            LOG.warning("the forwarder %s waits for an exporter still and is left behind; nothing is lost", self.name)
            return
        await self.spool.close()
        self._open.close()

    def standing(self) -> Standing:
        books, windows, alerts = self._counts()
        spool = self.spool
        return Standing(
            self.name, books, windows, alerts, spool.appended, spool.size, spool.most_bytes, spool.damaged, self.trouble
        )

    def _counts(self) -> tuple[Books, int, int]:
        """Since the start, over all passes. What was open when a pass broke off is read again by the next, so it counts once."""
        work = self._work
        if work is None:
            return self._before, self._windows, self._alerts
        now, tally = work.books, work.tally
        return _sum(self._before, now), self._windows + tally.windows, self._alerts + tally.alerts

    def _run(self) -> None:
        while not self._stop.asked:
            try:
                self._pass()
            except LogsentryError as error:
                self._failed(str(error))
            except (Exception, SystemExit) as error:  # the boundary around a forwarder's work: the server, and the others, go on
                LOG.exception("a defect ended a pass of the forwarder %s", self.name)
                self._failed(f"it failed with {type(error).__name__}")
            if not self._stop.asked:
                with suppress(Stopped):
                    self._stop.sleep(AGAIN[min(self._failures, len(AGAIN)) - 1])

    def _failed(self, why: str) -> None:
        self._failures += 1
        self.trouble = why
        LOG.error("the forwarder %s begins anew from its checkpoint: %s", self.name, why)

    def _pass(self) -> None:
        """From the checkpoint on, until it is asked to stop; raises what ended it else."""
        resumed = self._checkpoint.load()
        if resumed.warning:
            LOG.warning("%s", resumed.warning)
        settled = Settled(self.spool.folder, self.told)
        exporters, scorer = self._parts.exporters, self._parts.scorer
        expect_repeats(exporters, resumed.again)
        record(exporters, describe(scorer, self._parts.source.name, (self.name,), self._before))
        self._work = self._made(settled)
        try:
            self._work.run(SpoolInput(self.spool, self.name), lambda *_: None, resumed.cursor)
        finally:
            failure = self._work.failure
            self._before, self._windows, self._alerts = self._counts()
            self._before = msgspec.structs.replace(self._before, read=self._before.read - self._before.open, open=0)
            self._work = None
        record(exporters, describe(scorer, self._parts.source.name, (self.name,), self._before))
        if failure is not None:
            raise failure

    def _made(self, settled: Settled) -> ContinuousPass:
        digest, bundle = self._parts.digest, self._parts.scorer.bundle.digest
        return ContinuousPass(
            self._parts.source,
            self._parts.scorer,
            self._parts.exporters,
            DeadLetters(Path(self.config.dead_letters), digest, bundle),
            self._checkpoint,
            settled,
            saved=lambda cursor: self._saved(cursor, settled),
            pressed=lambda: self.spool.size > PRESSED * self.spool.most_bytes,
            hold=self.listen.hold,
            patience=self.config.patience,
            notice=self._noticed,
            stop=self._stop,
        )

    def _saved(self, cursor: Cursor | None, settled: Settled) -> None:
        """The checkpoint is on disk: what lies wholly before it may go."""
        if cursor is not None:
            settled.forget(self.spool.settle(Place(int(cursor["segment"]), int(cursor["offset"]))))
        if self._failures and self._work is not None and self._work.tally.windows:
            self._failures, self.trouble = 0, ""

    def _noticed(self, place: str, is_open: bool, sentence: str) -> None:
        self.trouble = sentence if is_open else ""
        LOG.warning("%s", sentence)


def _sum(one: Books, other: Books) -> Books:
    return Books(*(getattr(one, name) + getattr(other, name) for name in Books.__struct_fields__))


def opened(files: Sequence[Path]) -> list[Forwarder]:
    """A forwarder for each configuration, not started yet. Raises what is wrong with any; none is left open then."""
    configs = [load_forward(file) for file in files]
    names = [config.listen.name for config in configs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two configurations listen as {name!r}; give one another name")
    found: list[Forwarder] = []
    try:
        for config in configs:
            found.append(Forwarder(config))
    except BaseException:
        for forwarder in found:
            forwarder.abandon()
        raise
    return found
