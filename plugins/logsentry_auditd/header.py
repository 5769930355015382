"""The beginning of an audit line: type, time, serial and node, in every form in which lines are passed on.

`node=web1 type=SYSCALL msg=audit(1611091464.740:263): …` is auditd's own; the kernel's ring buffer and syslog put a prefix
before it (`kernel: audit: type=1400 audit(…): …`), netlink readers leave the type out, Azure's auoms writes `type=AUOMS_EXECVE
audit(…)`, and `ausearch -i` writes the time as a date.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from logsentry.sdk import BadRecord
from logsentry_auditd.entry import Stamp
from logsentry_auditd.kept import kept
from logsentry_auditd.tables import TYPE_NUMBERS, type_name

_PLAIN = re.compile(r"(?:node=(\S+) )?type=(\S+) msg=audit\(([0-9]{1,11})\.([0-9]{3}):([0-9]{1,10})\): ?")
_LOOSE = re.compile(
    r"(?:node=(\S+) )?(?:type=(\S+) )?(?:msg=)?audit\((?:([0-9]{1,12})(?:\.([0-9]{1,9}))?|([^()]{6,40}?)):([0-9]{1,10})\) ?:? ?"
)
# RFC 3164 and RFC 5424 lines; the daemon that forwards audit records stands last before them.
_SYSLOG_HOST = re.compile(r"(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T\S+) (\S+) \S+?: ")
_DATE = re.compile(r"(\S+) ([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})")
_SLASHED = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{2}|[0-9]{4})")
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{2}|[0-9]{4})")
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_LATEST = 253_402_300_799  # the last second of the year 9999

Header = tuple[str, Stamp, str, bool]
"""(type, stamp, the rest of the line, whether the values are interpreted as `ausearch -i` does)."""


def header(text: str) -> Header:
    """Cuts the beginning off a line; raises `BadRecord` where it has no `audit(time:serial)`."""
    found = _PLAIN.match(text)
    if found is not None:
        node, kind, seconds, millis, serial = found.groups()
        stamp = (node or "", int(seconds + millis) * 1_000_000, int(serial))  # 11 digits of seconds end in the year 5138
        return kind if kind in TYPE_NUMBERS else type_name(kind), stamp, text[found.end() :], False
    return _loose(text)


def _loose(text: str) -> Header:
    found = _LOOSE.search(text)
    if found is None:
        raise BadRecord("this is no audit record: it has no audit(seconds.milliseconds:serial)")
    node, kind, seconds, fraction, date, serial = found.groups()
    if not node:
        host = _SYSLOG_HOST.search(text, 0, found.start())
        node = host[1] if host else ""
    if seconds is None:
        time = _of_date(date)
    else:
        time = _since_1970(seconds) + int((fraction or "0").ljust(9, "0"))
    return type_name(kind or "SYSCALL"), (node, time, int(serial)), text[found.end() :], date is not None


def _since_1970(seconds: str) -> int:
    if (number := int(seconds)) > _LATEST:
        raise BadRecord(f"a time of {number} seconds since 1970 is after the year 9999")
    return number * 1_000_000_000


@kept
def _of_date(text: str) -> int:
    """`01/28/07 21:58:13.977` in UTC, as `ausearch -i` writes it in the locale C, and the forms of two other locales."""
    if (parts := _DATE.fullmatch(text)) is None:
        raise BadRecord(f"the date {text!r} is in no form known here, for instance 01/28/07 21:58:13.977")
    if (day := _SLASHED.fullmatch(parts[1])) is not None:
        month, date, year = day.groups()
    elif (day := _DOTTED.fullmatch(parts[1])) is not None:
        date, month, year = day.groups()
    elif (day := _ISO.fullmatch(parts[1])) is not None:
        year, month, date = day.groups()
    else:
        raise BadRecord(f"the date {text!r} is in no form known here, for instance 01/28/07 21:58:13.977")
    whole = int(year) + (2000 if len(year) == 2 and int(year) < 69 else 1900 if len(year) == 2 else 0)
    try:
        moment = datetime(whole, int(month), int(date), int(parts[2]), int(parts[3]), int(parts[4]), tzinfo=UTC)
    except ValueError as error:
        raise BadRecord(f"the date {text!r} does not exist: {error}") from None
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000_000 + int(parts[5]) * 1_000_000
