"""Values that are made anew each time: numbers, hashes, identifiers."""

from __future__ import annotations

import re

_HASH = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Za-z])")
_HASH_BY_LENGTH = {32: "<md5>", 40: "<sha1>", 64: "<sha256>"}
_UUID = re.compile(
    r"(?<![0-9A-Za-z])(?:\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
    r"(?![0-9A-Za-z])"
)
_HEX = re.compile(r"(?<![0-9A-Za-z])0[xX][0-9A-Fa-f]+(?![0-9A-Za-z])")
_NUMBER = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+)*(?![\w])")


def hash_value(value: str) -> str:
    """32, 40 and 64 hex digits that stand alone become `<md5>`, `<sha1>`, `<sha256>`.

    Sysmon's `Hashes`:

    >>> hash_value("MD5=D41D8CD98F00B204E9800998ECF8427E,SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709")
    'MD5=<md5>,SHA1=<sha1>'
    """
    return _HASH.sub(lambda found: _HASH_BY_LENGTH[len(found[0])], value)


def uuid(value: str) -> str:
    """A UUID, or a GUID with its braces, becomes `<uuid>`.

    Sysmon's `ProcessGuid`:

    >>> uuid("{365ABB72-3D4B-5CEB-0000-0010FA93FD00}")
    '<uuid>'
    """
    return _UUID.sub("<uuid>", value)


def hexadecimal(value: str) -> str:
    """A number with `0x` before it becomes `<hex>`.

    The arguments of a call in a Speakeasy report:

    >>> hexadecimal("VirtualAlloc(0x0, 0x1e4000, 0x3000, PAGE_EXECUTE_READWRITE)")
    'VirtualAlloc(<hex>, <hex>, <hex>, PAGE_EXECUTE_READWRITE)'
    """
    return _HEX.sub("<hex>", value)


def number(value: str) -> str:
    """Digits that are no part of a word, with dots inside, become `<number>`.

    A command line in Sysmon:

    >>> number("ping -n 10 host7 -w 1.5")
    'ping -n <number> host7 -w <number>'
    """
    return _NUMBER.sub("<number>", value)


def lower(value: str) -> str:
    """Lower case, for names that Windows does not tell apart.

    A library in a Speakeasy report:

    >>> lower("KERNEL32.dll")
    'kernel32.dll'
    """
    return value.lower()
