"""Addresses and names of hosts."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_ADDRESS = re.compile(
    r"(?<![\w.:])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w])(?!\.[0-9])(?!::)"
    r"|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:(?:[0-9A-Fa-f]{0,4}:){0,6}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{1,4})?(?![\w:])(?:%\w+)?)"
)
# The address at which clouds hand a machine its own credentials; asking it is worth a class of its own.
_METADATA = frozenset({ip_address("169.254.169.254"), ip_address("fd00:ec2::254")})
_CARRIER = ip_network("100.64.0.0/10")
_INSIDE_NAMES = ("localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home", ".corp", ".home.arpa")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


def ip_class(value: str) -> str:
    """Each address becomes the class of network that it lies in, as IANA's special-purpose registries have them.

    Sysmon's `DestinationIp`, an access log's client, and what a cloud's credentials are read from:

    >>> ip_class("10.0.2.15"), ip_class("83.149.9.216"), ip_class("http://169.254.169.254/latest/"), ip_class("::1")
    ('<private>', '<public>', 'http://<metadata>/latest/', '<loopback>')
    """
    return _ADDRESS.sub(_class_of_match, value)


def _class_of_match(found: re.Match[str]) -> str:
    try:
        return _class(ip_address(found[0].partition("%")[0]))
    except ValueError:  # looks like one and is none: 999.1.1.1
        return found[0]


def _class(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address in _METADATA:
        return "<metadata>"
    for is_class, name in (
        (address.is_loopback, "<loopback>"),
        (address.is_unspecified, "<unspecified>"),
        (address.is_multicast, "<multicast>"),
        (address.is_link_local, "<link-local>"),
        (address.is_private or address in _CARRIER, "<private>"),
    ):
        if is_class:
            return name
    return "<public>"


def domain(value: str) -> str:
    """A host name's last two labels in lower case; `<internal>` for names that no public server answers, addresses by class.

    Two labels, because the list of public suffixes changes from week to week and a bundle must not.

    >>> domain("cdn7.EU.example.com"), domain("dc01"), domain("10.0.0.1"), domain("www.semicomplete.com:443")
    ('example.com', '<internal>', '<private>', 'semicomplete.com')
    """
    name = value.strip().lower()
    if (known := ip_class(name)).startswith("<"):
        return known
    name = re.sub(r":[0-9]{1,5}$", "", name).rstrip(".")
    if not _HOST.fullmatch(name):
        return value
    if "." not in name or name.endswith(_INSIDE_NAMES):
        return "<internal>"
    return ".".join(name.split(".")[-2:])
