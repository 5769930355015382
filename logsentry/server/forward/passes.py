"""What a forwarder's thread does: passes over its spool, one after another, until it is asked to stop.

A pass is the ordinary one (`pipeline/scoring.py`) without an end. Each trouble, its own or an exporter's, is followed by another one that
goes on from the checkpoint; so is a bundle whose windows are others. Which bundle scores is in `following.py`, how long nothing may be
read since there is no room for dead letters in `buried.py`.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from logsentry.errors import LogsentryError
from logsentry.pipeline.continuous import ContinuousPass
from logsentry.pipeline.runs import describe, expect_repeats, record
from logsentry.pipeline.stopping import Stop, Stopped
from logsentry.schema.record import Cursor
from logsentry.server.forward.between import Between
from logsentry.server.forward.parts import Parts
from logsentry.server.forward.standing import Account
from logsentry.server.memory import give_back
from logsentry.server.spool.input import SpoolInput
from logsentry.server.spool.records import Place
from logsentry.server.spool.settled import Settled, Told

LOG = logging.getLogger("logsentry.server")
AGAIN = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds until the pass begins anew after its first, second … failure in a row."""

PRESSED = 0.75
"""Share of a spool's bytes from which on windows are closed early, so that some of it can be deleted."""


class Passes:
    """`told` hears the numbers of requests whose records have ended (`Settled`), in the thread that runs."""

    def __init__(self, parts: Parts, stop: Stop, told: Told) -> None:
        self._parts, self._stop, self.told, self.account = parts, stop, told, Account()
        self.trouble = ""
        """What it waits for to pass; empty where all is well."""
        self._name, self._failures, self._halted = parts.config.listen.name, 0, False
        self._owed_until = parts.spool.end
        """Where the spool ended when the pass began: what an earlier one left half delivered lies before it."""

    def run(self) -> None:
        while not self._stop.asked:
            try:
                self._pass()
            except LogsentryError as error:
                self._failed(str(error))
            except (Exception, SystemExit) as error:  # the boundary around a forwarder's work: the server, and the others, go on
                LOG.exception("a defect ended a pass of the forwarder %s", self._name)
                self._failed(f"it failed with {type(error).__name__}")
            else:
                continue  # it was asked to stop, or a bundle with other windows scores from here on
            with suppress(Stopped):
                self._stop.sleep(AGAIN[min(self._failures, len(AGAIN)) - 1])

    def _failed(self, why: str) -> None:
        self._failures += 1
        self.trouble = why
        LOG.error("the forwarder %s begins anew from its checkpoint: %s", self._name, why)

    def _pass(self) -> None:
        """From the checkpoint on, until it is asked to stop or another bundle has other windows; raises what ended it else."""
        parts, spool = self._parts, self._parts.spool
        resumed = parts.checkpoint.load()
        if resumed.warning:
            LOG.warning("%s", resumed.warning)
        settled = Settled(spool.folder, self.told)
        parts.following.begin()
        self._owed_until = spool.end
        parts.buried.begin(parts.following.digest)
        self._follow()  # here as well, since a bundle that fails on its first batch is to be replaced
        expect_repeats(parts.exporters, resumed.again)
        self._tell_run()
        work = self._made(settled)
        self.account.begin(work)
        try:
            work.run(
                Between(SpoolInput(spool, self._name), self._halts, self._follow, self._stop.sleep), lambda *_: None, resumed
            )
        finally:
            self.account.end()
        self._tell_run()
        if work.failure is not None:
            raise work.failure

    def _made(self, settled: Settled) -> ContinuousPass:
        parts, spool = self._parts, self._parts.spool
        work = ContinuousPass(
            parts.source,
            parts.following,
            parts.exporters,
            parts.buried,
            parts.checkpoint,
            settled,
            saved=lambda cursor: self._saved(cursor, settled, work.tally.windows),
            pressed=lambda: spool.size > PRESSED * spool.most_bytes,
            hold=parts.config.listen.hold,
            patience=parts.config.patience,
            notice=self._noticed,
            stop=self._stop,
        )
        return work

    def _saved(self, cursor: Cursor | None, settled: Settled, windows: int) -> None:
        """The checkpoint is on disk, behind so many windows: what lies wholly before it may go."""
        following, spool = self._parts.following, self._parts.spool
        following.settled(windows)
        if cursor is not None:
            place = Place(int(cursor["segment"]), int(cursor["offset"]))
            if place >= self._owed_until:
                following.forgive()
            settled.forget(spool.settle(place))
        if self._failures and windows:
            self._failures, self.trouble = 0, ""

    def _noticed(self, place: str, is_open: bool, sentence: str) -> None:
        self.trouble = sentence if is_open else ""
        LOG.warning("%s", sentence)

    def _follow(self) -> bool:
        """Let another bundle score where the name points to one; False where its windows are others, so that a pass begins anew."""
        following, buried = self._parts.following, self._parts.buried
        fresh = following.newer()
        if fresh is None:
            return True
        same = fresh.keys.profile.windows == following.keys.profile.windows
        buried.flush()
        self._tell_run()
        following.take(fresh)
        buried.begin(following.digest)
        self.account.turn()
        self._tell_run()
        give_back()
        return same

    def _tell_run(self) -> None:
        scorer, names = self._parts.following.scorer, (self._name,)
        record(self._parts.exporters, describe(scorer, self._parts.source.name, names, self.account.run()))

    def _halts(self) -> bool:
        """Whether there is no room for dead letters, so that nothing may be read."""
        why = self._parts.buried.full()
        if why and not self._halted:
            LOG.error("the forwarder %s stands still: %s; see %s", self._name, why, self._parts.config.dead_letters)
        elif self._halted and not why:
            LOG.info("the forwarder %s goes on", self._name)
        self._halted = bool(why)
        return self._halted
