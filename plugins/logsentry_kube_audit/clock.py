"""Times of audit events: RFC 3339 in UTC with seconds, micro- or nanoseconds, and Panther's form with a blank."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from logsentry.sdk import BadRecord

_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\d*\s*(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 in UTC; a time without a zone is UTC. Raises `BadRecord` for what is no time.

    >>> nanoseconds("2018-10-26T13:42:46.764713Z"), nanoseconds("2022-11-29 00:09:04.38")
    (1540561366764713000, 1669680544380000000)
    """
    if len(text) == 27 and text[26] == "Z" and text[19] == "." and (fraction := text[20:26]).isdecimal() and fraction.isascii():
        return _whole(text[:19], "Z") + int(fraction) * 1000  # `MicroTime`, nearly all lines
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadRecord(f"this is no time: {text[:60]!r}")
    return _whole(found[1], found[3] or "Z") + int((found[2] or "").ljust(9, "0"))


@lru_cache(maxsize=4096)
def _whole(text: str, zone: str) -> int:
    """The nanoseconds of a whole second; neighbouring lines share it."""
    try:
        when = datetime.fromisoformat(text + ("+00:00" if zone in ("Z", "UTC") else zone))
        return ((when.astimezone(UTC) - _EPOCH) // _SECOND) * 1_000_000_000
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"the time {text + zone!r} does not exist") from error


forget = _whole.cache_clear
