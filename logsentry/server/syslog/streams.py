"""Syslog over TCP (RFC 6587) and TLS (RFC 5425): connections that send as they like and are never answered.

A connection may be silent for days, but a message that has begun must be whole within `STALL_SECONDS`. When the server stops it reads
on for a moment, since what a sender has handed to its kernel is lost with the connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

from logsentry.errors import Unavailable
from logsentry.server.syslog.framing import Framing
from logsentry.server.syslog.intake import Intake
from logsentry.server.syslog.peers import Peers

LOG = logging.getLogger("logsentry.server")
READ = 64 << 10
MOST = 1_000
"""Connections at once. Each may hold a message of the longest kind, so all together some 300 MB."""

STALL_SECONDS = 60.0
HANDSHAKE_SECONDS = 10.0
LINGER_SECONDS = 0.25
GRACE_SECONDS = 5.0


class Streams:
    """One listening socket and its connections."""

    def __init__(self, intake: Intake, peers: Peers, context: ssl.SSLContext | None) -> None:
        self._intake, self._peers, self._context = intake, peers, context
        self._via = "syslog/tcp" if context is None else "syslog/tls"
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.Timeout] = set()
        self._until: float | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """The address that is listened on. Raises `Unavailable` where that is not possible."""
        handshake = HANDSHAKE_SECONDS if self._context else None
        try:
            self._server = await asyncio.start_server(
                self._connected, host, port, limit=READ, ssl=self._context, ssl_handshake_timeout=handshake
            )
        except OSError as error:
            raise Unavailable(f"cannot listen for syslog on {host}:{port} (TCP): {error.strerror or error}") from error
        name: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return name

    async def stop(self) -> None:
        """Take what has come, and no more."""
        if self._server is None:
            return
        self._server.close()
        self._until = asyncio.get_running_loop().time() + LINGER_SECONDS
        for timer in self._timers:
            if not timer.expired():
                timer.reschedule(self._until)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        tally = self._intake.tally
        if self._until is not None or len(self._tasks) >= MOST or not self._peers.allow(peer):
            tally.refused += 1
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        tally.connections += 1
        try:
            _keep_alive(writer)
            await self._take(reader, peer)
        except asyncio.CancelledError:  # the server stops and the spool takes nothing
            tally.broken_off += 1
        except Exception:  # the boundary around one connection: the others, and the server, go on
            tally.broken_off += 1
            LOG.exception("a defect ended a syslog connection from %s", peer)
        finally:
            tally.connections -= 1
            self._tasks.discard(task)
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, peer: str) -> None:
        """Everything of one connection, until it ends one way or another."""
        framing, began = Framing(), 0.0
        loop, tally = asyncio.get_running_loop(), self._intake.tally
        try:
            while data := await self._more(reader, began + STALL_SECONDS if framing.inside else None):
                before, cut = framing.inside, framing.cut
                messages = framing.feed(data)
                tally.cut += framing.cut - cut
                if messages or not before:
                    began = loop.time()
                await self._keep(messages, peer)
            if self._until is None and (last := framing.end()):
                await self._keep([last], peer)
        except OSError as error:  # reset, too slow (TimeoutError), no TLS any more (ssl.SSLError)
            LOG.debug("a syslog connection from %s ended: %s", peer, error)
        if framing.inside:
            tally.broken_off += 1
            LOG.warning("a syslog connection from %s ended in the middle of a message", peer)

    async def _more(self, reader: asyncio.StreamReader, until: float | None) -> bytes:
        """What comes next, nothing at the end. Raises `TimeoutError` where nothing comes in time."""
        known = [each for each in (until, self._until) if each is not None]
        async with asyncio.timeout_at(min(known, default=None)) as timer:
            self._timers.add(timer)
            try:
                return await reader.read(READ)
            finally:
                self._timers.discard(timer)

    async def _keep(self, messages: list[bytes], peer: str) -> None:
        await self._intake.keep([self._intake.arrived(message, self._via, peer) for message in messages])


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """So that a connection whose other end has lost power does not stay for ever."""
    own = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
