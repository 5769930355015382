"""The time between square brackets: `17/May/2015:10:05:24 +0000`, as nanoseconds since 1970.

Most lines of a log share their hour, so an hour is worked out once and kept; minute and second come from a table. Two rarer
forms are taken as well: a fraction of a second, and ISO 8601 as nginx's `$time_iso8601` writes it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from logsentry.sdk import BadRecord

_SECOND = 1_000_000_000
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBER_OF_MONTH = {name: number for number, name in enumerate(MONTHS, 1)}
# A leap second is written as 60 and counts as the first second of the next minute, as POSIX time has it.
_INSIDE_HOUR = {f":{m:02d}:{s:02d}": (m * 60 + s) * _SECOND for m in range(60) for s in range(61)}
_HOUR = re.compile(r"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([0-9]{2})")
_ZONE = re.compile(r" ([+-])([0-9]{2})([0-9]{2})")
_FRACTION = re.compile(r"(.{20})[.,]([0-9]{1,9})( [+-][0-9]{4})")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3,6})?(?:Z|[+-][0-9]{2}:?[0-9]{2})")
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)


def nanoseconds(stamp: str) -> int:
    """The time of one stamp, in nanoseconds since 1970 in UTC.

    Raises `BadRecord` where it is in no form known here, or names no real moment (`30/Feb`, hour 25).

    >>> nanoseconds("17/May/2015:10:05:24 +0200")
    1431849924000000000
    """
    inside = _INSIDE_HOUR.get(stamp[14:20])
    if inside is not None and len(stamp) == 26:
        return _hour(stamp[:14], stamp[20:]) + inside
    return _rare(stamp)


@lru_cache(maxsize=4096)
def _hour(hour: str, zone: str) -> int:
    """`17/May/2015:10` and ` +0000` -> nanoseconds at the beginning of that hour."""
    date, offset = _HOUR.fullmatch(hour), _ZONE.fullmatch(zone)
    month = _NUMBER_OF_MONTH.get(date[2]) if date else None
    if date is None or offset is None or month is None:
        raise BadRecord(f"the time {hour + ':…' + zone!r} is not in the form 17/May/2015:10:05:24 +0000")
    try:
        east = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        place = timezone(east if offset[1] == "+" else -east)
        moment = datetime(int(date[3]), month, int(date[1]), int(date[4]), tzinfo=place)
    except ValueError as error:
        raise BadRecord(f"the time {hour + ':…' + zone!r} does not exist: {error}") from None
    return since_1970(moment)


def _rare(stamp: str) -> int:
    if (parts := _FRACTION.fullmatch(stamp)) is not None:
        return nanoseconds(parts[1] + parts[3]) + int(parts[2].ljust(9, "0"))
    if _ISO.fullmatch(stamp) is None:
        raise BadRecord(f"the time {stamp[:40]!r} is not in the form 17/May/2015:10:05:24 +0000")
    try:
        return since_1970(datetime.fromisoformat(stamp))
    except ValueError as error:
        raise BadRecord(f"the time {stamp!r} does not exist: {error}") from None


def since_1970(moment: datetime) -> int:
    # A day is kept clear at both ends, because a zone can push the first and the last day out of the years 1 to 9999.
    if not _EARLIEST < moment < _LATEST:
        raise BadRecord(f"the year {moment.year} at its place is outside what a calendar of years 1 to 9999 can hold")
    apart = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (apart.days * 86_400 + apart.seconds) * _SECOND + apart.microseconds * 1_000
