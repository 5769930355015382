"""Which machines may send syslog, since it carries no token."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

from logsentry.errors import UsageError


class Peers:
    """Networks such as `10.0.0.0/8`; none is everybody. Raises `UsageError` for what is no network.

    Over UDP the address of a sender is what it says it is, so this keeps out mistakes there, and no attacker.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        try:
            self._networks = tuple(ip_network(each) for each in networks)
        except ValueError as error:
            raise UsageError(f"{error}; write the machines that may send syslog as networks, for instance 10.0.0.0/8") from error

    def allow(self, address: str) -> bool:
        if not self._networks:
            return True
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)


def address(text: str) -> tuple[str, int]:
    """`127.0.0.1:514`, `[::1]:6514`, `localhost:0`. Raises `UsageError`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"syslog is listened for at HOST:PORT, for instance 127.0.0.1:5514, and not at {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def refuse_open(host: str, networks: Sequence[str], mutual: bool) -> None:
    """Raises `UsageError` where any machine could send."""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not (loopback or networks or mutual):
        raise UsageError(
            f"on {host} any machine could send syslog, which carries no token; say which may (peers: [10.0.0.0/8]), give TLS "
            "a client_ca, or stay on 127.0.0.1"
        )
