"""Sockets of our own against the listener, over a real spool: what is kept, what is counted as lost, and who has to wait."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from services.certificates import Authority

from logsentry.config import Listen, Syslog, SyslogTls
from logsentry.errors import Unavailable, UsageError
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.records import Arrived
from logsentry.server.syslog import datagrams, streams
from logsentry.server.syslog.framing import LONGEST
from logsentry.server.syslog.listener import SyslogListener

BOTH = Syslog(tcp="127.0.0.1:0", udp="127.0.0.1:0")


class Running:
    """A listener, its spool, and ways to talk to it."""

    def __init__(self, listener: SyslogListener, spool: Spool) -> None:
        self.listener, self.spool = listener, spool
        self.writers: list[asyncio.StreamWriter] = []

    @property
    def kept(self) -> list[Arrived]:
        return [spooled.arrived for spooled in self.spool.read()]

    @property
    def data(self) -> list[bytes]:
        return [arrived.data for arrived in self.kept]

    async def connect(self, context: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Ended with the test, where it does not end before."""
        named = "localhost" if context else None
        found = await asyncio.open_connection(*self.listener.addresses["tcp"], ssl=context, server_hostname=named)
        self.writers.append(found[1])
        return found

    async def send(self, data: bytes, context: ssl.SSLContext | None = None) -> None:
        """One connection that is ended in order."""
        _, writer = await self.connect(context)
        writer.write(data)
        await writer.drain()
        await self.ended(writer)

    async def ended(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def closed(self, context: ssl.SSLContext | None = None) -> bool:
        """Whether a connection is closed by the other end before it brings anything."""
        try:
            reader, _ = await self.connect(context)
            return await reader.read() == b""
        except OSError:
            return True

    async def until(self, what: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not what():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(
    folder: Path, syslog: Syslog = BOTH, record: str = "message", most_bytes: int = 1 << 26
) -> AsyncIterator[Running]:
    spool = Spool(folder / "spool", most_bytes)
    listener = SyslogListener(Listen("web", record=record), syslog, spool)
    await listener.start()
    running = Running(listener, spool)
    try:
        yield running
    finally:
        for writer in running.writers:
            await running.ended(writer)
        await listener.stop()
        await spool.close()


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]


def test_over_tcp_counted_messages_and_lines_are_kept_in_order(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path) as running:
            await running.send(b"15 <13>1 - - - - -" + b"19 <13>1 - - - - - - a" + b"<13>Oct 11 22:14:15 host app: b\nbare\nlast")
            await running.until(lambda: running.listener.standing().kept == 5)
            kept = running.kept
            assert [(each.data, each.lacks) for each in kept] == [
                (b"<13>1 - - - - -", "message"), (b"a", ""), (b"b", ""), (b"bare", ""), (b"last", ""),
            ]  # fmt: skip
            assert {(each.via, each.peer) for each in kept} == {("syslog/tcp", "127.0.0.1")}
            assert running.listener.standing().connections == 0

    run(work)


def test_a_source_that_reads_syslog_itself_sees_all_of_a_message(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path, record="document") as running:
            await running.send(b"<13>Oct 11 22:14:15 host app: b\n")
            await running.until(lambda: running.data == [b"<13>Oct 11 22:14:15 host app: b"])

    run(work)


def test_over_udp_each_datagram_is_a_message(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path) as running:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for number in range(50):
                    sender.sendto(b"<13>1 - h a - - - %d\n" % number, running.listener.addresses["udp"])
                sender.sendto(b"", running.listener.addresses["udp"])
            await running.until(lambda: len(running.kept) == 50)
            assert running.data == [b"%d" % number for number in range(50)]
            assert running.kept[0].via == "syslog/udp"
            assert (running.listener.standing().dropped, running.listener.standing().lost_by_kernel) == (0, 0)

    run(work)


def test_what_the_kernel_had_no_room_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "KERNEL_BYTES", 4096)

    async def work() -> None:
        async with listening(tmp_path) as running:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for _ in range(200):  # nobody reads meanwhile: the event loop is busy here
                    sender.sendto(b"<13>1 - h a - - - " + b"x" * 500, running.listener.addresses["udp"])
            lost = running.listener.standing().lost_by_kernel
            assert lost
            await running.until(lambda: running.listener.standing().kept == 200 - lost)
            assert len(running.kept) == 200 - lost

    run(work)


def test_datagrams_that_the_spool_cannot_take_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "WAITING", 10)

    async def work() -> None:
        async with listening(tmp_path, most_bytes=1 << 20) as running:
            await fill(running.spool)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for _ in range(30):
                    sender.sendto(b"x" * 2000, running.listener.addresses["udp"])
            await running.until(lambda: running.listener.standing().dropped == 20)
            await running.listener.stop()
            assert running.listener.standing().dropped == 30
            assert running.listener.standing().kept == 0

    run(work)


async def fill(spool: Spool) -> None:
    with suppress(Unavailable):
        while True:
            await spool.append([Arrived(b"y" * 1000, "test", "", 0)])


def test_while_the_spool_is_full_no_more_is_read_and_nothing_is_lost(tmp_path: Path) -> None:
    lines = [b"%06d " % number + b"z" * 300 for number in range(60_000)]

    async def work() -> None:
        async with listening(tmp_path, most_bytes=4 << 20) as running:
            taken: list[bytes] = []
            _, writer = await running.connect()
            writer.write(b"\n".join(lines) + b"\n")  # 18 MB
            await running.until(lambda: running.listener._intake.waits)
            await asyncio.sleep(0.2)
            assert running.listener.standing().kept < 15_000
            assert writer.transport.get_write_buffer_size() > 1 << 20  # type: ignore[attr-defined]
            place = None
            while len(taken) < len(lines):
                for spooled in running.spool.read(place):
                    taken.append(spooled.arrived.data)
                    place = spooled.behind
                assert place is not None
                running.spool.settle(place)
                await asyncio.sleep(0.05)
            assert taken == lines

    run(work)


def test_a_message_that_stalls_ends_its_connection_and_a_silent_connection_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STALL_SECONDS", 0.3)

    async def work() -> None:
        async with listening(tmp_path) as running:
            slow_reader, slow = await running.connect()
            _, silent = await running.connect()
            silent.write(b"one\n")
            slow.write(b"one\n40 <13>half")
            async with asyncio.timeout(10):
                assert await slow_reader.read() == b""
            silent.write(b"two\n")
            await running.until(lambda: len(running.kept) == 3)
            assert sorted(running.data) == [b"one", b"one", b"two"]
            assert running.listener.standing().broken_off == 1

    run(work)


def test_a_line_that_trickles_in_is_not_given_more_time_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STALL_SECONDS", 0.4)

    async def work() -> None:
        async with listening(tmp_path) as running:
            reader, writer = await running.connect()
            for _ in range(100):
                if reader.at_eof() or running.listener.standing().broken_off:
                    break
                writer.write(b"x")
                await asyncio.sleep(0.05)
            assert running.listener.standing().broken_off == 1
            assert running.kept == []

    run(work)


def test_what_is_too_long_is_cut_and_counted(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path) as running:
            await running.send(b"x" * (LONGEST + 10) + b"\nshort\n")
            await running.until(lambda: len(running.kept) == 2)
            assert running.data == [b"x" * LONGEST, b"short"]
            assert running.listener.standing().cut == 1

    run(work)


def test_connections_are_counted_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST", 2)

    async def work() -> None:
        async with listening(tmp_path) as running:
            open_ones = [await running.connect() for _ in range(2)]
            await running.until(lambda: running.listener.standing().connections == 2)
            assert await running.closed()
            assert running.listener.standing().refused == 1
            await running.ended(open_ones[0][1])
            await running.until(lambda: running.listener.standing().connections == 1)
            await running.send(b"again\n")
            await running.until(lambda: running.data == [b"again"])

    run(work)


def test_when_it_stops_what_has_come_is_kept(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path) as running:
            _, writer = await running.connect()
            writer.write(b"".join(b"%d\n" % number for number in range(20_000)) + b"half a li")
            await writer.drain()
            await running.listener.stop()
            assert running.data == [b"%d" % number for number in range(20_000)]
            assert running.listener.standing().broken_off == 1

    run(work)


def test_over_tls_only_those_with_a_certificate_get_in(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server")
    syslog = Syslog(tcp="127.0.0.1:0", tls=SyslogTls(str(certificate), str(key), str(authority.path)))
    stranger = ssl.create_default_context(cafile=str(authority.path))
    known = ssl.create_default_context(cafile=str(authority.path))
    known.load_cert_chain(*authority.sign("client"))

    async def work() -> None:
        async with listening(tmp_path, syslog) as running:
            await running.send(b"10 <13>secret", known)
            await running.until(lambda: running.data == [b"secret"])
            assert running.kept[0].via == "syslog/tls"
            assert await running.closed(stranger)
            await running.send(b"plain\n")
            await asyncio.sleep(0.1)
            assert running.data == [b"secret"]

    run(work)


def test_machines_of_other_networks_are_turned_away(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path, msgspec.structs.replace(BOTH, peers=("10.0.0.0/8",))) as running:
            assert await running.closed()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"x", running.listener.addresses["udp"])
            await running.until(lambda: running.listener.standing().strangers == 1)
            standing = running.listener.standing()
            assert (standing.refused, standing.dropped, standing.senders, standing.peers) == (1, 0, 0, ("10.0.0.0/8",))
            assert running.kept == []

    run(work)


def test_an_address_that_is_taken_is_told_and_nothing_is_left_open(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path) as running:
            port = running.listener.addresses["udp"][1]
            second = SyslogListener(Listen("b"), Syslog(tcp="127.0.0.1:0", udp=f"127.0.0.1:{port}"), running.spool)
            with pytest.raises(Unavailable, match=f"127.0.0.1:{port} .UDP."):
                await second.start()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*second.addresses["tcp"])

    run(work)


@pytest.mark.parametrize(
    ("listen", "syslog", "reason"),
    [
        (Listen("a", record="event.original"), BOTH, "may be message or document"),
        (Listen("a"), Syslog(), "listens nowhere"),
        (Listen("a"), Syslog(tcp="0.0.0.0:514"), "any machine could send"),
        (Listen("a"), Syslog(udp="0.0.0.0:514"), "any machine could send"),
        (Listen("a"), Syslog(tcp="127.0.0.1:0", tls=SyslogTls("/none.pem", "/none.key")), "cannot be used"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(tmp_path: Path, listen: Listen, syslog: Syslog, reason: str) -> None:
    spool = Spool(tmp_path / "spool")
    try:
        with pytest.raises(UsageError, match=reason):
            SyslogListener(listen, syslog, spool)
    finally:
        asyncio.run(spool.close())
