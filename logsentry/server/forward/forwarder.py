"""What was delivered, scored and exported: one forwarder for each configuration of `--forward`, while the server runs.

Its thread empties the spool (`passes.py`). Meanwhile the spool takes more until it is full. What it works with is opened in
`parts.py`; what the HTTP addresses understand is in `intake/bulk.py` and `intake/hec.py`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from logsentry.config import Forward, Listen, load_forward
from logsentry.errors import UsageError
from logsentry.pipeline.stopping import Stop, Stopped
from logsentry.server.forward.parts import parts
from logsentry.server.forward.passes import Passes
from logsentry.server.forward.standing import Standing
from logsentry.server.limits import Limits
from logsentry.server.recent import readable
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.settled import Told, untold

LOG = logging.getLogger("logsentry.server")
GRACE_SECONDS = 30.0
"""For a pass to end when the server is told to stop."""


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
        self._parts = parts(config, limits or Limits(), follow_seconds)
        self._stop = ThreadStop()
        self._passes = Passes(self._parts, self._stop, told)
        self._thread = threading.Thread(target=self._passes.run, name=f"forward-{self.name}", daemon=True)

    @property
    def name(self) -> str:
        return self.listen.name

    @property
    def listen(self) -> Listen:
        return self._parts.config.listen

    @property
    def spool(self) -> Spool:
        return self._parts.spool

    @property
    def trouble(self) -> str:
        return self._passes.trouble

    def tell(self, told: Told) -> None:
        """Another one is to hear which requests have ended; before it is started."""
        self._passes.told = told

    def refuses(self) -> str:
        """Why it takes nothing just now, beside a spool that is full; empty where it does."""
        return self._parts.buried.full()

    def start(self) -> None:
        self._thread.start()

    def abandon(self) -> None:
        """Let go of everything; it was never started."""
        self.spool.abandon()
        self._parts.close()

    async def close(self) -> None:
        """End the pass after the batch in hand. What waits in windows or in the spool is taken up by the next start."""
        self._stop.ask()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, GRACE_SECONDS)
        if self._thread.is_alive():
            LOG.warning("the forwarder %s waits for an exporter still and is left behind; nothing is lost", self.name)
            return
        await self.spool.close()
        self._parts.close()

    def standing(self) -> Standing:
        counts, spool, following, buried = self._passes.account.counts(), self.spool, self._parts.following, self._parts.buried
        refuses = self.refuses()
        return Standing(
            self.name,
            counts.books,
            counts.windows,
            counts.alerts,
            spool.appended,
            spool.size,
            spool.most_bytes,
            spool.damage.lost,
            trouble=refuses or self.trouble,
            bundle=following.reference,
            refused=readable(following.refused, Path(self._parts.config.bundle.store)),
            dead_letter_bytes=buried.size,
            dead_letter_most_bytes=buried.most_bytes,
            refuses=refuses,
        )


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
