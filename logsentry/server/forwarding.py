"""What was delivered, scored and exported: one thread for each configuration of `--forward`, over its spool, while the server runs.

The thread runs the ordinary pass (`pipeline/scoring.py`) and goes on from its checkpoint after every trouble, its own or the
exporters'. Meanwhile the spool takes more until it is full. Which bundle scores is in `following.py`, what the HTTP addresses understand
in `bulk_intake.py` and `hec_intake.py`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from logsentry.config import Forward, Listen, load_forward
from logsentry.errors import LogsentryError, UsageError
from logsentry.pipeline.build import built
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.continuous import ContinuousPass
from logsentry.pipeline.opening import digest_of
from logsentry.pipeline.runs import describe, expect_repeats, record
from logsentry.pipeline.stopping import Stop, Stopped
from logsentry.schema.record import Cursor
from logsentry.sdk import Exporter, Source
from logsentry.server.between import Between
from logsentry.server.buried import Buried
from logsentry.server.following import followed
from logsentry.server.limits import Limits
from logsentry.server.memory import give_back
from logsentry.server.recent import readable
from logsentry.server.settled import Settled, Told, untold
from logsentry.server.spool import Place, Spool
from logsentry.server.spool_input import SpoolInput
from logsentry.server.standing import Account, Standing

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


class Forwarder:
    """One configuration at work. Raises what is wrong with it, and `Unavailable` where another server has its spool or its state.

    `told` hears the numbers of requests whose records have ended (`Settled`), in the forwarder's own thread. `follow_seconds` is how
    often it looks whether its bundle's name points elsewhere.
    """

    def __init__(self, config: Forward, told: Told = untold, limits: Limits | None = None, follow_seconds: float = 2.0) -> None:
        self.config, self.told, self.trouble = config, told, ""
        self._stop, self._failures, self._account, self._halted = ThreadStop(), 0, Account(), False
        with ExitStack() as stack:
            self._checkpoint = stack.enter_context(Checkpoint(Path(config.state) / f"forward-{self.name}", self._owner))
            self._checkpoint.load()
            self._following = followed(config, follow_seconds)
            self._source: Source = built("sources", config.source)
            self._exporters: tuple[Exporter, ...] = tuple(
                stack.enter_context(closing(built("exporters", part))) for part in config.exporters
            )
            most = (limits or Limits()).dead_letter_bytes
            self._buried = Buried(Path(config.dead_letters), most, digest_of(config), self._following.digest)
            self.spool = Spool(Path(config.listen.spool.folder), config.listen.spool.most_bytes, refuses=self.refuses)
            self._open = stack.pop_all()
        self._owed_until = self.spool.end
        """Where the spool ended when the pass began: what an earlier one left half delivered lies before it."""
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

    def refuses(self) -> str:
        """Why it takes nothing just now, beside a spool that is full; empty where it does."""
        return self._buried.full()

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
        counts, spool, following, buried = self._account.counts(), self.spool, self._following, self._buried
        refuses = self.refuses()
        return Standing(
            self.name,
            counts.books,
            counts.windows,
            counts.alerts,
            spool.appended,
            spool.size,
            spool.most_bytes,
            spool.damaged,
            trouble=refuses or self.trouble,
            bundle=following.reference,
            refused=readable(following.refused, Path(self.config.bundle.store)),
            dead_letter_bytes=buried.size,
            dead_letter_most_bytes=buried.most_bytes,
            refuses=refuses,
        )

    def _run(self) -> None:
        while not self._stop.asked:
            try:
                self._pass()
            except LogsentryError as error:
                self._failed(str(error))
            except (Exception, SystemExit) as error:  # the boundary around a forwarder's work: the server, and the others, go on
                LOG.exception("a defect ended a pass of the forwarder %s", self.name)
                self._failed(f"it failed with {type(error).__name__}")
            else:
                continue  # it was asked to stop, or a bundle with other windows scores from here on
            with suppress(Stopped):
                self._stop.sleep(AGAIN[min(self._failures, len(AGAIN)) - 1])

    def _failed(self, why: str) -> None:
        self._failures += 1
        self.trouble = why
        LOG.error("the forwarder %s begins anew from its checkpoint: %s", self.name, why)

    def _pass(self) -> None:
        """From the checkpoint on, until it is asked to stop or another bundle has other windows; raises what ended it else."""
        resumed = self._checkpoint.load()
        if resumed.warning:
            LOG.warning("%s", resumed.warning)
        settled = Settled(self.spool.folder, self.told)
        self._following.begin()
        self._owed_until = self.spool.end
        self._buried.begin(self._following.digest)
        self._follow()  # here as well, since a bundle that fails on its first batch is to be replaced
        expect_repeats(self._exporters, resumed.again)
        self._tell_run()
        work = self._made(settled)
        self._account.begin(work)
        input_ = Between(SpoolInput(self.spool, self.name), self._halts, self._follow, self._stop.sleep)
        try:
            work.run(input_, lambda *_: None, resumed)
        finally:
            self._account.end()
        self._tell_run()
        if work.failure is not None:
            raise work.failure

    def _made(self, settled: Settled) -> ContinuousPass:
        work = ContinuousPass(
            self._source,
            self._following,
            self._exporters,
            self._buried,
            self._checkpoint,
            settled,
            saved=lambda cursor: self._saved(cursor, settled, work.tally.windows),
            pressed=lambda: self.spool.size > PRESSED * self.spool.most_bytes,
            hold=self.listen.hold,
            patience=self.config.patience,
            notice=self._noticed,
            stop=self._stop,
        )
        return work

    def _follow(self) -> bool:
        """Let another bundle score where the name points to one; False where its windows are others, so that a pass begins anew."""
        fresh = self._following.newer()
        if fresh is None:
            return True
        same = fresh.keys.profile.windows == self._following.keys.profile.windows
        self._buried.flush()
        self._tell_run()
        self._following.take(fresh)
        self._buried.begin(self._following.digest)
        self._account.turn()
        self._tell_run()
        give_back()
        return same

    def _tell_run(self) -> None:
        scorer, names = self._following.scorer, (self.name,)
        record(self._exporters, describe(scorer, self._source.name, names, self._account.run()))

    def _halts(self) -> bool:
        """Whether there is no room for dead letters, so that nothing may be read."""
        why = self._buried.full()
        if why and not self._halted:
            LOG.error("the forwarder %s stands still: %s; see %s", self.name, why, self.config.dead_letters)
        elif self._halted and not why:
            LOG.info("the forwarder %s goes on", self.name)
        self._halted = bool(why)
        return self._halted

    def _saved(self, cursor: Cursor | None, settled: Settled, windows: int) -> None:
        """The checkpoint is on disk, behind so many windows: what lies wholly before it may go."""
        self._following.settled(windows)
        if cursor is not None:
            place = Place(int(cursor["segment"]), int(cursor["offset"]))
            if place >= self._owed_until:
                self._following.forgive()
            settled.forget(self.spool.settle(place))
        if self._failures and windows:
            self._failures, self.trouble = 0, ""

    def _noticed(self, place: str, is_open: bool, sentence: str) -> None:
        self.trouble = sentence if is_open else ""
        LOG.warning("%s", sentence)


def opened(files: Sequence[Path], limits: Limits | None = None, follow_seconds: float = 2.0) -> list[Forwarder]:
    """A forwarder for each configuration, not started yet. Raises what is wrong with any; none is left open then."""
    configs = [load_forward(file) for file in files]
    names = [config.listen.name for config in configs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two configurations listen as {name!r}; give one another name")
    found: list[Forwarder] = []
    try:
        for config in configs:
            found.append(Forwarder(config, untold, limits, follow_seconds))
    except BaseException:
        for forwarder in found:
            forwarder.abandon()
        raise
    return found
