"""From syslog messages to records in the spool, and what became of messages that are not in it.

Nobody is told that a message is kept, since syslog has no answers; but no more is read from a connection before what it brought is on
disk, so that a spool that is full slows the sender down.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

import msgspec

from logsentry.errors import Unavailable
from logsentry.server.intake.picking import WHOLE
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.records import Arrived
from logsentry.server.syslog.messages import record_of

LOG = logging.getLogger("logsentry.server")
MESSAGE = "message"
AT_ONCE = 1_000
"""Messages that are added to the spool together; with `LONGEST` it keeps one addition far smaller than the smallest spool."""

AGAIN_SECONDS = 0.5
MOST_SENDERS = 10_000
"""Machines that are told apart; over UDP anybody may make up more."""


class Tally(msgspec.Struct):
    """Since the start, of one forwarder. Everything but `kept` and `connections` was lost, or a part of it."""

    kept: int = 0
    """Messages that are in the spool."""
    connections: int = 0
    """Open now."""
    refused: int = 0
    """Connections turned away: too many, or from elsewhere than the peers."""
    cut: int = 0
    """Messages of which only the first part was kept, since they are too long."""
    broken_off: int = 0
    """Connections that ended, or were ended, in the middle of a message."""
    dropped: int = 0
    """Datagrams that came faster than they could be kept."""
    strangers: int = 0
    """Datagrams from elsewhere than the peers."""


class Intake:
    """`record` is `message` for the MSG part, or `document` for all of a message."""

    def __init__(self, record: str, spool: Spool) -> None:
        self._whole, self._spool = record == WHOLE, spool
        self.waits = False
        """Whether the spool took nothing when it was last asked."""
        self.tally = Tally()
        self._senders: set[str] = set()

    @property
    def senders(self) -> int:
        """How many machines have sent something, `MOST_SENDERS` at most."""
        return len(self._senders)

    def arrived(self, message: bytes, via: str, peer: str) -> Arrived:
        """A message without a record in it is dead-lettered as a whole."""
        now = time.time_ns()
        if peer not in self._senders and len(self._senders) < MOST_SENDERS:
            self._senders.add(peer)
        record = message if self._whole else record_of(message)
        return Arrived(message, via, peer, now, lacks=MESSAGE) if record is None else Arrived(record, via, peer, now)

    async def keep(self, records: Sequence[Arrived]) -> None:
        """On disk when this returns; waits for as long as the spool takes nothing."""
        for start in range(0, len(records), AT_ONCE):
            part = records[start : start + AT_ONCE]
            while not await self._kept(part):
                await asyncio.sleep(AGAIN_SECONDS)
            self.tally.kept += len(part)

    async def _kept(self, records: Sequence[Arrived]) -> bool:
        try:
            await self._spool.append(records)
        except Unavailable as error:
            if not self.waits:
                LOG.warning("syslog waits, and is not read meanwhile: %s", error)
            self.waits = True
            return False
        if self.waits:
            LOG.info("syslog is read again")
        self.waits = False
        return True
