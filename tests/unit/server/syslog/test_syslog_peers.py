"""Who may send, where it is listened, and what would be open to everybody."""

from __future__ import annotations

import pytest

from logsentry.errors import UsageError
from logsentry.server.syslog.peers import Peers, address, refuse_open


@pytest.mark.parametrize(
    ("networks", "sender", "allowed"),
    [
        ((), "203.0.113.9", True),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8", "fe80::/10"), "fe80::1%eth0", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("10.0.0.0/8",), "::1", False),
        (("10.0.0.0/8",), "", False),
    ],
)
def test_only_machines_of_the_networks_may_send(networks: tuple[str, ...], sender: str, allowed: bool) -> None:
    assert Peers(networks).allow(sender) is allowed


@pytest.mark.parametrize("network", ["10.0.0.1/8", "everybody", ""])
def test_what_is_no_network_is_refused(network: str) -> None:
    with pytest.raises(UsageError, match=r"10\.0\.0\.0/8"):
        Peers((network,))


def test_addresses_are_a_host_and_a_port() -> None:
    assert address("127.0.0.1:514") == ("127.0.0.1", 514)
    assert address("[::1]:0") == ("::1", 0)
    assert address("localhost:65535") == ("localhost", 65535)


@pytest.mark.parametrize("text", ["", "514", ":514", "host:", "host:x", "host:65536", "host:-1", "host:²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        address(text)


def test_beyond_loopback_somebody_has_to_be_named() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        refuse_open(host, (), mutual=False)
    refuse_open("0.0.0.0", ("10.0.0.0/8",), mutual=False)
    refuse_open("0.0.0.0", (), mutual=True)
    for host in ("0.0.0.0", "::", "log.example.com"):
        with pytest.raises(UsageError, match="any machine could send"):
            refuse_open(host, (), mutual=False)
