"""Formats that an administrator gives, as Apache or nginx has them in its configuration::

    formats:
      - '%v %a %u %t "%r" %>s %O %D "%{User-Agent}i"'
      - '[$time_local] $host $remote_addr $request_time "$request" $status $body_bytes_sent $http_user_agent'
      - log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $request_length';

Each becomes one regular expression. Every value ends where the text behind it begins, so matching takes time in proportion to the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import pairwise

from logsentry.sdk import BadRecord, UsageError, Value
from logsentry_http_access.clock import since_1970
from logsentry_http_access.format_pieces import Piece, pieces
from logsentry_http_access.moment import moment
from logsentry_http_access.visit import NAMES, Visit, visit

Reader = Callable[[str], Visit | None]

_OWN_BEGIN = {"query": r"(?:\?{rest})?", "target": "/{rest}", "stem": "/{rest}"}  # may stand right behind another value
_WORD_BEGINS = {"query": "?", "target": "/", "stem": "/"}
_NOTHING = Piece("", literal=True)
_STRFTIME = {
    "%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%R": "%H:%M", "%e": "%d", "%h": "%b", "usec_frac": "%f", "msec_frac": "%f",
}  # fmt: skip


def reader(format_: str, zone: tzinfo) -> Reader:
    """A function that reads one line of this format, or answers None where the line is not of it.

    Raises `UsageError` where the format has an unknown directive, two values with nothing between them, one value twice, no client,
    or nothing that was asked.
    """
    parts = pieces(format_)
    _check(format_, parts)
    shape = re.compile(_pattern(format_, parts), re.DOTALL).fullmatch
    values = [piece for piece in parts if not piece.literal]
    times = [(at, piece.argument) for at, piece in enumerate(values, 1) if piece.name == "time"]
    named = [(at, piece.name) for at, piece in enumerate(values, 1) if piece.name in NAMES]
    others = [(at, piece.text) for at, piece in enumerate(values, 1) if not piece.name]

    def read(line: str) -> Visit | None:
        found = shape(line.rstrip())
        if found is None:
            return None
        words = {name: (found[at] or "").strip() for at, name in named}
        rest = [f"{text}={found[at]}" for at, text in others if found[at] not in ("", "-", None)]
        own: dict[str, Value] = {"http_access.values": rest} if rest else {}
        return visit(_time([(found[at], argument) for at, argument in times], zone), words, own)

    return read


def _check(format_: str, parts: list[Piece]) -> None:
    names = [piece.name for piece in parts if piece.name]
    twice = next((name for name in names if names.count(name) > 1 and name not in ("time", "client", "vhost")), None)
    if twice:
        pair = ", ".join(piece.text for piece in parts if piece.name == twice)
        raise UsageError(f"the format {format_!r} gives one value twice ({pair}): leave one out")
    for name, example in (("client", "%h or $remote_addr"), ("time", "%t or $time_local")):
        if name not in names and not (name == "client" and "forwarded" in names):
            raise UsageError(f"the format {format_!r} has no {name}: it needs {example}")
    if not {"request", "method", "target", "stem", "status"} & set(names):
        raise UsageError(f'the format {format_!r} says nothing of what was asked: it needs "%r" or "$request"')


def _pattern(format_: str, parts: list[Piece]) -> str:
    for piece, after in pairwise(parts):
        if not (piece.literal or after.literal) and after.name not in _WORD_BEGINS:
            raise UsageError(
                f"the format {format_!r} has nothing between {piece.text} and {after.text}, so that nobody can tell them apart"
            )
    return "".join(re.escape(piece.text) if piece.literal else _value(parts, at) for at, piece in enumerate(parts))


def _value(parts: list[Piece], at: int) -> str:
    """One group: up to the first sign of what stands behind it."""
    piece, before, after = parts[at], parts[at - 1] if at else _NOTHING, parts[at + 1] if at + 1 < len(parts) else _NOTHING
    if piece.text == "%t":
        return r"\[([^\]]*)\]"
    if before.literal and before.text.endswith('"') and after.text.startswith('"'):
        return r'((?:[^"\\]|\\.)*)'
    if piece.name == "user" and after.text == " " and at + 2 < len(parts) and parts[at + 2].text == "%t":
        return r"([^\[\n]*)"  # a user's name may have blanks, and the time's bracket ends it
    rest = _until(after)
    return f"({rest})" if before.literal else "(" + _OWN_BEGIN.get(piece.name, "{rest}").format(rest=rest) + ")"


def _until(after: Piece) -> str:
    if not after.literal:
        return rf"[^\s{re.escape(_WORD_BEGINS[after.name])}]*"
    if not after.text:
        return ".*"
    first = after.text.lstrip()[:1] if after.text.strip() in ('"', "[", "(", "{") else after.text[0]
    return rf"[^{re.escape(first)}\n]*"


def _time(told: list[tuple[str, str]], zone: tzinfo) -> int | None:
    """The time of one value in a known form, or of one or more in the forms that `%{…}t` names."""
    value, form = told[0]
    form = form.removeprefix("begin:").removeprefix("end:")
    if len(told) == 1 and form in ("", "msec", "sec", "usec"):
        return None if value in ("", "-") else moment(_seconds(value, form), zone)
    joined = " ".join(_strftime(argument.removeprefix("begin:").removeprefix("end:")) for _, argument in told)
    return _strptime(" ".join(value for value, _ in told), joined, zone)


def _seconds(value: str, form: str) -> str:
    """`%{usec}t` as seconds; nginx's `$msec` has its point already."""
    digits = {"msec": 3, "usec": 6}.get(form, 0)
    return f"{value[:-digits]}.{value[-digits:]}" if digits and value.isdecimal() else value


def _strftime(form: str) -> str:
    for short, long in _STRFTIME.items():
        form = form.replace(short, long)
    return form or "[%d/%b/%Y:%H:%M:%S %z]"


@lru_cache(maxsize=4096)
def _strptime(value: str, form: str, zone: tzinfo) -> int:
    try:
        told = datetime.strptime(value, form)
    except (ValueError, re.error) as error:
        raise BadRecord(f"the time {value[:60]!r} is not in the form that the format string names: {error}") from None
    return since_1970(told if told.tzinfo else told.replace(tzinfo=zone or UTC))
