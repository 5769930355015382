"""One Windows event as every layout tells it: what stands in `System`, and the named values of its data.

Each layout has a module of its own that makes an `Entry`; `fields.py` makes ECS of it. Whose event it is, is decided here, by
provider and channel: Security, PowerShell and others use the same numbers for other things.
"""

from __future__ import annotations

from typing import Any

import msgspec

_PROVIDERS = frozenset({"microsoft-windows-sysmon", "linux-sysmon"})
_CHANNELS = frozenset({"microsoft-windows-sysmon/operational", "linux-sysmon/operational"})


class System(msgspec.Struct, frozen=True, cache_hash=True):
    """The part of an event that is alike in all events of one process of Sysmon; texts are empty and numbers None where not told."""

    code: int
    provider: str = ""
    channel: str = ""
    computer: str = ""
    provider_guid: str = ""
    version: int | None = None
    level: str = ""
    opcode: str = ""
    task: str = ""
    user_id: str = ""
    user_name: str = ""
    user_domain: str = ""
    user_type: str = ""
    pid: int | None = None
    thread: int | None = None


class Entry(msgspec.Struct, frozen=True, gc=False):
    """`created` is when the event was written to the log (RFC 3339); `data` has the names that Sysmon gives them."""

    system: System
    record_id: str
    created: str
    data: dict[str, Any]


def is_sysmon(provider: str, channel: str) -> bool:
    """Whether an event is Sysmon's: by its provider where that is told, or else by its channel.

    >>> is_sysmon("Microsoft-Windows-Sysmon", ""), is_sysmon("Microsoft-Windows-Security-Auditing", ""), is_sysmon("", "System")
    (True, False, False)
    """
    return provider.lower() in _PROVIDERS if provider else channel.lower() in _CHANNELS


def number(value: object) -> int | None:
    """A whole number, decimal or with `0x` before it, that fits 64 bits; None for anything else.

    >>> number("0x1f4"), number(500), number("-"), number("9" * 30)
    (500, 500, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > 20 or not text.isascii():
            return None
        try:
            value = int(text, 16 if text[:2] in ("0x", "0X") else 10)
        except ValueError:
            return None
    return value if isinstance(value, int) and -(1 << 63) <= value < 1 << 63 else None


def text(value: object) -> str:
    """A value of any JSON type as Windows would write it; nothing for null.

    >>> text(True), text(5), text(None), text(["a", "b"])
    ('true', '5', '', 'a,b')
    """
    if value.__class__ is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return text(value.get("#text"))
    if isinstance(value, list):
        return ",".join(map(text, value))
    return str(value)
