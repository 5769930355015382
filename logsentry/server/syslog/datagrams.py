"""Syslog over UDP (RFC 5426): each datagram is a message, and what comes too fast is lost. How much is counted, as far as this end can see.

Between two machines datagrams are lost unseen. Here they are lost where the kernel's buffer is full (it counts them) or where the
spool cannot keep up (`Tally.dropped`).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Any

from logsentry.errors import Unavailable
from logsentry.server.spool.records import Arrived
from logsentry.server.syslog.intake import AT_ONCE, Intake
from logsentry.server.syslog.peers import Peers

KERNEL_BYTES = 8 << 20
"""Asked for; the kernel gives what net.core.rmem_max allows."""

WAITING_BYTES = 16 << 20
WAITING = 50_000
TABLES = (Path("/proc/self/net/udp"), Path("/proc/self/net/udp6"))


class Datagrams(asyncio.DatagramProtocol):
    """One socket, and what waits to be kept."""

    def __init__(self, intake: Intake, peers: Peers) -> None:
        self._intake, self._peers = intake, peers
        self._waiting: deque[Arrived] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._inode = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """The address that is listened on. Raises `Unavailable` where that is not possible."""
        try:
            own = _bound(host, port)
        except OSError as error:
            raise Unavailable(f"cannot listen for syslog on {host}:{port} (UDP): {error.strerror or error}") from error
        self._inode = os.fstat(own.fileno()).st_ino
        name: tuple[str, int] = own.getsockname()[:2]
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=own)
        self._task = asyncio.create_task(self._keep())
        return name

    async def stop(self) -> None:
        """Keep what has come, for as long as the spool takes it."""
        if self._transport is None or self._task is None:
            return
        self._transport.close()
        while self._waiting and not self._intake.waits and not self._task.done():
            await asyncio.sleep(0.01)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._intake.tally.dropped += len(self._waiting)

    @property
    def lost_by_kernel(self) -> int | None:
        """Datagrams that this socket had no room for; None where the system does not tell (only Linux does)."""
        for table in TABLES:
            if table.exists():
                for line in table.read_text("ascii").splitlines()[1:]:
                    columns = line.split()
                    if columns[9] == str(self._inode):
                        return int(columns[-1])
        return None

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        message, peer = data.rstrip(b"\r\n\0"), str(address[0])
        if not self._peers.allow(peer):
            self._intake.tally.strangers += 1
        elif len(self._waiting) >= WAITING or self._bytes + len(message) > WAITING_BYTES:
            self._intake.tally.dropped += 1
        elif message:
            self._waiting.append(self._intake.arrived(message, "syslog/udp", peer))
            self._bytes += len(message)
            self._some.set()

    async def _keep(self) -> None:
        """What waits stays where it is until it is on disk, so that `stop` can count it."""
        while True:
            await self._some.wait()
            some = list(islice(self._waiting, AT_ONCE))
            await self._intake.keep(some)
            for _ in some:
                self._bytes -= len(self._waiting.popleft().data)
            if not self._waiting:
                self._some.clear()


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    own = socket.socket(family, kind, protocol)
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        own.bind(address)
        own.setblocking(False)
    except OSError:
        own.close()
        raise
    return own
