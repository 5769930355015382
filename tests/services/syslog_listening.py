"""A syslog listener over a real spool in a thread of this process, for tests of what a daemon sends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from logsentry.config import Listen, Syslog
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.records import Arrived
from logsentry.server.syslog.listener import SyslogListener, SyslogStanding


class Listening:
    def __init__(self, listener: SyslogListener, spool: Spool, loop: asyncio.AbstractEventLoop) -> None:
        self.listener, self.spool, self._loop = listener, spool, loop

    def port(self, kind: str) -> int:
        return self.listener.addresses[kind][1]

    def standing(self) -> SyslogStanding:
        async def asked() -> SyslogStanding:
            return self.listener.standing()

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result()

    def kept(self) -> list[Arrived]:
        return [spooled.arrived for spooled in self.spool.read()]


@contextmanager
def listening(folder: Path, syslog: Syslog, record: str = "message") -> Iterator[Listening]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def begin() -> tuple[SyslogListener, Spool]:
        spool = Spool(folder)
        listener = SyslogListener(Listen("web", record=record), syslog, spool)
        await listener.start()
        return listener, spool

    async def end(listener: SyslogListener, spool: Spool) -> None:
        await listener.stop()
        await spool.close()

    listener, spool = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    try:
        yield Listening(listener, spool, loop)
    finally:
        asyncio.run_coroutine_threadsafe(end(listener, spool), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
