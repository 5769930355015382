"""Columns of a W3C line whose `#Fields` line was not seen, found by what stands in them.

IIS writes the columns that an administrator ticks in one fixed order (Microsoft, "W3C Logging"): day, time, site, computer, server
address, method, path, query, port, user, client address, version, agent, cookie, referrer, host, status, sub-status, Windows status,
bytes sent, bytes received, time taken, then custom ones. So the method, the status and the addresses say which are there. With one
text between client and status it is the agent; with two, agent and referrer; with three, agent, cookie and referrer.
"""

from __future__ import annotations

import re

from logsentry_http_access.address import as_ip

Row = dict[str, str]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?").fullmatch
_SITE = re.compile(r"[A-Z0-9]+SVC[0-9]+").fullmatch
_METHOD = re.compile(r"[A-Z][A-Z_-]*|-").fullmatch
_NUMBER = re.compile(r"[0-9]{1,18}").fullmatch
_STATUS = re.compile(r"[1-9][0-9]{2}").fullmatch
_TEXTS: tuple[tuple[str, ...], ...] = (
    (),
    ("cs(User-Agent)",),
    ("cs(User-Agent)", "cs(Referer)"),
    ("cs(User-Agent)", "cs(Cookie)", "cs(Referer)"),
    ("cs(User-Agent)", "cs(Cookie)", "cs(Referer)", "cs-host"),
)
_ENDS: dict[int, tuple[str, ...]] = {
    0: (), 1: ("time-taken",), 2: ("sc-bytes", "cs-bytes"), 3: ("sc-bytes", "cs-bytes", "time-taken"),
}  # fmt: skip


def guessed(values: list[str]) -> Row | None:
    """Column names with their values, or None where the line is not in IIS's order."""
    if len(values) < 8 or not _DAY(values[0]) or not _TIME(values[1]):
        return None
    method = next((at for at in range(2, 6) if _is_method(values, at)), None)
    if method is None or len(values) < method + 7:
        return None
    row = {"date": values[0], "time": values[1], **_before(values[2:method])}
    names = ("cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip")
    row |= zip(names, values[method:], strict=False)
    rest = values[method + len(names) :]
    if rest[0].startswith("HTTP/"):
        row["cs-version"] = rest.pop(0)
    status = next((at for at, value in enumerate(rest[:5]) if _is_status(rest, at)), None)
    if status is None:
        return None
    row |= zip(_TEXTS[status], rest, strict=False)
    return row | _after(rest[status:])


def _is_method(values: list[str], at: int) -> bool:
    """A method has a path, a query and a port behind it."""
    return len(values) > at + 3 and bool(_METHOD(values[at])) and values[at + 1][:1] in "/*" and bool(_NUMBER(values[at + 3]))


def _is_status(rest: list[str], at: int) -> bool:
    return bool(_STATUS(rest[at])) and all(map(_NUMBER, rest[at + 1 : at + 3]))


def _before(values: list[str]) -> Row:
    """Site, computer and server address: the address is one; of two others the first is the site, a lone one where it is called so."""
    row = {"s-ip": values[-1]} if values and as_ip(values[-1]) else {}
    others = values[:-1] if row else values
    if len(others) == 2:
        return row | {"s-sitename": others[0], "s-computername": others[1]}
    if len(others) == 1:
        return row | {"s-sitename" if _SITE(others[0]) else "s-computername": others[0]}
    return row


def _after(values: list[str]) -> Row:
    row = dict(zip(("sc-status", "sc-substatus", "sc-win32-status"), values, strict=False))
    ends = values[3:]
    numbers = next((at for at, value in enumerate(ends) if not _NUMBER(value)), len(ends))
    row |= zip(_ENDS.get(min(numbers, 3), ()), ends, strict=False)
    others = ends[min(numbers, 3) :]
    if others and as_ip(others[0].split(",")[0]):
        row["X-Forwarded-For"] = others.pop(0)
    return row | {f"column-{at}": value for at, value in enumerate(others, len(values) - len(others) + 1)}
