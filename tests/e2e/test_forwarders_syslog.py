"""What the system logs that people run send arrives line for line: rsyslog and syslog-ng over TCP in both framings, TLS and UDP."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from services.certificates import Authority
from services.debian import program
from services.forwarders import Served, closing_lines, free_port, lines, served, until
from services.syslog_daemons import Daemon, rsyslog, syslog_ng
from services.syslog_listening import Listening, listening

from logsentry.config import Syslog, SyslogTls
from logsentry.errors import Unavailable
from logsentry.server.spool.folder import Spool

NEW, OLD = 'template="RSYSLOG_SyslogProtocol23Format"', 'template="RSYSLOG_TraditionalForwardFormat"'
COUNTED = 'tcp_framing="octet-counted"'
TCP = Syslog(tcp="127.0.0.1:0")
CLOSED = closing_lines()[-1].encode()
ARRIVED = 'logsentry_syslog_messages_total{forward="web"}'
OPEN = 'logsentry_forward_open_records{forward="web"}'
AGAIN = 'queue.type="LinkedList" queue.filename="waiting" action.resumeRetryCount="-1" action.resumeInterval="1"'
"""Of an action: keep what cannot be sent, on disk where it is much, and try again for ever."""


@pytest.fixture(autouse=True)
def _there() -> None:
    try:
        for name in ("rsyslogd", "syslog-ng"):
            program(name)
    except Unavailable as error:
        pytest.skip(str(error))


def sent(daemon: Daemon, receiver: Listening, found: list[str]) -> None:
    """Write the lines and wait until so many messages are kept."""
    daemon.write(found)
    until(lambda: receiver.standing().kept >= len(found), f"{len(found)} messages are kept", daemon.said)


def whole(receiver: Listening, found: list[str], via: str) -> None:
    kept = receiver.kept()
    assert [arrived.data.decode() for arrived in kept] == found
    assert {(arrived.via, arrived.peer, arrived.lacks) for arrived in kept} == {(via, "127.0.0.1", "")}


@pytest.mark.parametrize("format_", [NEW, OLD, ""])
@pytest.mark.parametrize("framing", [COUNTED, ""])
def test_rsyslog_over_tcp(tmp_path: Path, format_: str, framing: str) -> None:
    found = lines(2_000)
    with listening(tmp_path / "spool", TCP) as receiver:
        action = f'target="127.0.0.1" port="{receiver.port("tcp")}" protocol="tcp" {framing} {format_}'
        with rsyslog(tmp_path / "rsyslog", action) as daemon:
            sent(daemon, receiver, found)
        whole(receiver, found, "syslog/tcp")
        assert receiver.standing().broken_off == 0


@pytest.mark.parametrize("driver", ["gtls", "ossl"])
def test_rsyslog_over_tls_with_a_certificate_of_its_own(tmp_path: Path, driver: str) -> None:
    authority = Authority(tmp_path)
    (certificate, key), (own, own_key) = authority.sign("server"), authority.sign("client")
    syslog = Syslog(tcp="127.0.0.1:0", tls=SyslogTls(str(certificate), str(key), str(authority.path)))
    found = lines(500)
    files = {"CAFile": authority.path, "CertFile": own, "KeyFile": own_key}
    settings = " ".join(f'defaultNetstreamDriver{name}="{path}"' for name, path in files.items())
    with listening(tmp_path / "spool", syslog) as receiver:
        tls = f'streamDriver="{driver}" streamDriverMode="1" streamDriverAuthMode="x509/name" streamDriverPermittedPeers="localhost"'
        action = f'target="127.0.0.1" port="{receiver.port("tcp")}" protocol="tcp" {COUNTED} {NEW} {tls}'
        with rsyslog(tmp_path / "rsyslog", action, settings) as daemon:
            sent(daemon, receiver, found)
        whole(receiver, found, "syslog/tls")


def ng_tcp(port: int) -> str:
    return f'network("127.0.0.1" port({port}) transport("tcp"));'


def ng_counted(port: int) -> str:
    return f'syslog("127.0.0.1" port({port}) transport("tcp"));'


@pytest.mark.parametrize("destination", [ng_tcp, ng_counted])
def test_syslog_ng_over_tcp(tmp_path: Path, destination: Callable[[int], str]) -> None:
    found = lines(2_000)
    with listening(tmp_path / "spool", TCP) as receiver:
        with syslog_ng(tmp_path / "ng", destination(receiver.port("tcp"))) as daemon:
            sent(daemon, receiver, found)
        whole(receiver, found, "syslog/tcp")


def test_syslog_ng_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server")
    syslog = Syslog(tcp="127.0.0.1:0", tls=SyslogTls(str(certificate), str(key)))
    found = lines(500)
    with listening(tmp_path / "spool", syslog) as receiver:
        tls = f'tls(ca-file("{authority.path}") peer-verify(yes))'
        destination = f'syslog("localhost" port({receiver.port("tcp")}) transport("tls") ip-protocol(4) {tls});'
        with syslog_ng(tmp_path / "ng", destination) as daemon:
            sent(daemon, receiver, found)
        whole(receiver, found, "syslog/tls")


def rsyslog_udp(folder: Path, port: int) -> AbstractContextManager[Daemon]:
    return rsyslog(folder, f'target="127.0.0.1" port="{port}" protocol="udp" {NEW}')


def ng_udp(folder: Path, port: int) -> AbstractContextManager[Daemon]:
    return syslog_ng(folder, f'network("127.0.0.1" port({port}) transport("udp"));')


@pytest.mark.parametrize("daemon_of", [rsyslog_udp, ng_udp])
def test_over_udp_what_does_not_arrive_is_counted(
    tmp_path: Path, daemon_of: Callable[[Path, int], AbstractContextManager[Daemon]]
) -> None:
    found = lines(3_000)
    with listening(tmp_path / "spool", Syslog(udp="127.0.0.1:0")) as receiver:

        def accounted() -> bool:
            now = receiver.standing()
            assert now.lost_by_kernel is not None
            return now.kept + now.dropped + now.lost_by_kernel == len(found)

        with daemon_of(tmp_path / "daemon", receiver.port("udp")) as daemon:
            daemon.write(found)
            until(accounted, "each datagram is kept or counted", daemon.said)
        kept = [arrived.data.decode() for arrived in receiver.kept()]
        assert len(set(kept)) == len(kept) == receiver.standing().kept
        assert set(kept) <= set(found)
        assert kept


def settled(server: Served, count: int) -> None:
    until(
        lambda: server.ended() >= count - 1, "every message is scored", server.said
    )  # the last session waits for what may follow


def spooled(server: Served) -> Counter[str]:
    """The records that are in the spool of a server that was stopped; it is small enough that none was deleted."""

    async def read() -> Counter[str]:
        spool = Spool(server.spool)
        try:
            return Counter(each.arrived.data.decode() for each in spool.read())
        finally:
            await spool.close()

    return asyncio.run(read())


def test_what_rsyslog_and_syslog_ng_send_to_one_server_is_scored_once(tmp_path: Path) -> None:
    found, port = lines(900), free_port()
    half = {"tcp": f"127.0.0.1:{port}", "udp": f"127.0.0.1:{port}"}
    with served(tmp_path / "server", syslog=half) as server:
        action = f'target="127.0.0.1" port="{port}" protocol="tcp" {COUNTED} {NEW}'
        with rsyslog(tmp_path / "rsyslog", action) as one, syslog_ng(tmp_path / "ng", ng_tcp(port)) as other:
            one.write(found[:450])
            other.write(found[450:])
            until(lambda: server.counted(ARRIVED) == 900, "all arrived", server.said)
            assert server.counted('logsentry_syslog_connections{forward="web"}') == 2
            one.write(closing_lines())
            settled(server, 902)
        server.stop()
        times = server.scored()
    assert all(times[line] == 1 for line in found)


def test_what_was_read_before_a_kill_is_scored_once(tmp_path: Path) -> None:
    """Plain TCP acknowledges to the kernel alone: what the dead server had not read yet may be missing, and nothing else is."""
    found, port = lines(6_000), free_port()
    action = f'target="127.0.0.1" port="{port}" protocol="tcp" {COUNTED} {NEW} {AGAIN}'
    with (
        served(tmp_path / "server", syslog={"tcp": f"127.0.0.1:{port}"}) as server,
        rsyslog(tmp_path / "rsyslog", action) as daemon,
    ):
        writer = threading.Thread(target=slowly, args=(daemon, found))
        writer.start()
        until(lambda: any(path.stat().st_size > 200_000 for path in server.spool.glob("*.spool")), "some arrived", server.said)
        server.kill()
        server.start()
        writer.join()
        steady(server)  # after an outage rsyslog sends what is new before what has waited
        daemon.write(closing_lines())
        until(lambda: CLOSED in spool_bytes(server), "the last line arrived", server.said)
        until(lambda: server.ended() > 0 and server.counted(OPEN) == 1, "all but the last session ended", server.said)
        server.stop()
        kept, scored = spooled(server), server.scored()
    assert kept - scored == Counter([closing_lines()[-1]])
    assert not scored - kept
    lost = [number for number, line in enumerate(found) if not kept[line]]
    assert sum(number - 1 not in lost for number in lost) <= 1, (
        "lines are missing that were not on their way when the server died"
    )


def slowly(daemon: Daemon, found: list[str]) -> None:
    """Some thousand lines a second, without a pause at any kill."""
    for start in range(0, len(found), 50):
        daemon.write(found[start : start + 50])
        time.sleep(0.01)


def steady(server: Served) -> None:
    """Nothing has come for two seconds."""
    before, now = -1.0, server.counted(ARRIVED)
    while now > before:
        time.sleep(2)
        before, now = now, server.counted(ARRIVED)


def spool_bytes(server: Served) -> bytes:
    return b"".join(path.read_bytes() for path in server.spool.glob("*.spool"))
