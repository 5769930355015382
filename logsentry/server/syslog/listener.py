"""Syslog for one forwarder: from its configuration to sockets, and what they lose told.

    listen: {name: web, record: message, syslog: {tcp: "127.0.0.1:5514", udp: "127.0.0.1:5514"}}

What a source sees is the MSG part (`record: message`) or all of a message (`record: document`).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence

import msgspec

from logsentry.config import Listen, Syslog, SyslogTls
from logsentry.errors import LogsentryError, UsageError
from logsentry.server.forward.forwarder import Forwarder
from logsentry.server.intake.picking import WHOLE
from logsentry.server.spool.folder import Spool
from logsentry.server.syslog.datagrams import Datagrams
from logsentry.server.syslog.intake import MESSAGE, Intake
from logsentry.server.syslog.peers import Peers, address, refuse_open
from logsentry.server.syslog.streams import Streams

LOG = logging.getLogger("logsentry.server")


class SyslogStanding(msgspec.Struct, frozen=True):
    """For metrics and the status page; the counts are those of `Tally`, and `lost_by_kernel` is None where nobody tells. `at` is where it
    listens, `peers` the networks that may send, none for everybody; `waits` says that nothing is read since nothing can be kept."""

    name: str
    kept: int
    connections: int
    refused: int
    cut: int
    broken_off: int
    dropped: int
    lost_by_kernel: int | None
    strangers: int = 0
    senders: int = 0
    at: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    waits: bool = False


class SyslogListener:
    """Listens between `start` and `stop`. Raises `UsageError` for a configuration that would be open to others or does not fit."""

    def __init__(self, listen: Listen, syslog: Syslog, spool: Spool) -> None:
        if listen.record not in (MESSAGE, WHOLE):
            raise UsageError(f"syslog has no field {listen.record}; listen.record may be {MESSAGE} or {WHOLE}")
        if not (syslog.tcp or syslog.udp):
            raise UsageError("syslog listens nowhere; give listen.syslog.tcp or listen.syslog.udp as HOST:PORT")
        self._name, self._intake, allowed = listen.name, Intake(listen.record, spool), Peers(syslog.peers)
        self._tcp = address(syslog.tcp) if syslog.tcp else None
        self._udp = address(syslog.udp) if syslog.udp else None
        mutual = syslog.tls is not None and bool(syslog.tls.client_ca)
        if self._tcp is not None:
            refuse_open(self._tcp[0], syslog.peers, mutual)
        if self._udp is not None:
            refuse_open(self._udp[0], syslog.peers, mutual=False)
        self._tls, self._networks = syslog.tls is not None, syslog.peers
        self._streams = Streams(self._intake, allowed, None if syslog.tls is None else _context(syslog.tls))
        self._datagrams = Datagrams(self._intake, allowed)
        self.addresses: dict[str, tuple[str, int]] = {}
        """Where it listens, by `tcp` (with TLS or without) and `udp`."""

    async def start(self) -> None:
        """Raises `Unavailable` where an address cannot be had; then nothing is listened to."""
        try:
            if self._tcp is not None:
                self.addresses["tcp"] = await self._streams.start(*self._tcp)
            if self._udp is not None:
                self.addresses["udp"] = await self._datagrams.start(*self._udp)
        except LogsentryError:
            await self.stop()
            raise
        for at in self._at():
            LOG.info("syslog for %s on %s", self._name, at)

    def _at(self) -> tuple[str, ...]:
        kinds = {"tcp": "tls"} if self._tls else {}
        return tuple(
            f"{kinds.get(kind, kind)}://{f'[{host}]' if ':' in host else host}:{port}"
            for kind, (host, port) in self.addresses.items()
        )

    async def stop(self) -> None:
        """What has come is kept first."""
        await self._streams.stop()
        await self._datagrams.stop()

    def standing(self) -> SyslogStanding:
        lost = None if self._udp is None else self._datagrams.lost_by_kernel
        return SyslogStanding(
            self._name,
            **msgspec.structs.asdict(self._intake.tally),
            lost_by_kernel=lost,
            senders=self._intake.senders,
            at=self._at(),
            peers=self._networks,
            waits=self._intake.waits,
        )


def listeners(forwarders: Sequence[Forwarder]) -> list[SyslogListener]:
    """For those that are to listen; not started. Raises `UsageError`; then the forwarders, which were not started either, are let go."""
    try:
        return [
            SyslogListener(each.listen, each.listen.syslog, each.spool) for each in forwarders if each.listen.syslog is not None
        ]
    except UsageError:
        for each in forwarders:
            each.abandon()
        raise


def _context(tls: SyslogTls) -> ssl.SSLContext:
    """TLS 1.2 or newer (RFC 9662). Raises `UsageError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or str(error)
        raise UsageError(f"listen.syslog.tls: the certificate, its key or the client authority cannot be used: {why}") from error
    return context
