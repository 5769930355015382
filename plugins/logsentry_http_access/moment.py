"""Times in the forms that servers other than Apache and nginx write: ISO 8601, seconds since 1970, HAProxy's date without a zone.

`clock.py` reads the one form that most lines have. A time without a zone is taken in the zone that the caller names, because
HAProxy and the old Windows format write the local time of a machine that the line does not name.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from logsentry.sdk import BadRecord
from logsentry_http_access.clock import MONTHS, nanoseconds, since_1970

_SECOND = 1_000_000_000
_CLF = re.compile(r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})? [+-][0-9]{4}")
_HAPROXY = re.compile(r"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?")
_ISO = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9]{2}:?[0-9]{2})?")
_EPOCH = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9})[0-9]*)?")
_EPOCH_MILLIS = re.compile(r"([0-9]{10})([0-9]{3})")
_MONTHS = {name: f"{number:02d}" for number, name in enumerate(MONTHS, 1)}


def moment(text: str, zone: tzinfo = UTC) -> int:
    """Nanoseconds since 1970 of a time in any of the forms above; raises `BadRecord` where it is in none, or does not exist.

    >>> moment("2018-12-20T02:59:40"), moment("1711741798.0391326"), moment("30/Jul/2018:09:03:52.726")
    (1545274780000000000, 1711741798039132600, 1532941432726000000)
    """
    if (parts := _ISO.fullmatch(text)) is not None:
        return _second(parts[1] + "T" + parts[2], parts[4] or "", zone) + _fraction(parts[3])
    if _CLF.fullmatch(text):
        return nanoseconds(text)
    if (parts := _HAPROXY.fullmatch(text)) is not None and parts[2] in _MONTHS:
        day = f"{parts[3]}-{_MONTHS[parts[2]]}-{parts[1]}"
        return _second(f"{day}T{parts[4]}", "", zone) + _fraction(parts[5])
    if (parts := _EPOCH_MILLIS.fullmatch(text)) is not None:
        return int(parts[1]) * _SECOND + int(parts[2]) * 1_000_000
    if (parts := _EPOCH.fullmatch(text)) is not None:
        return int(parts[1]) * _SECOND + _fraction(parts[2])
    raise BadRecord(f"the time {text[:40]!r} is in no form that an access log has")


@lru_cache(maxsize=4096)
def _second(text: str, offset: str, zone: tzinfo) -> int:
    try:
        told = datetime.fromisoformat(text.replace(":60", ":59") + offset)  # a leap second counts as the second before
    except ValueError as error:
        raise BadRecord(f"the time {text + offset!r} does not exist: {error}") from None
    return since_1970(told if told.tzinfo else told.replace(tzinfo=zone))


def _fraction(digits: str | None) -> int:
    return int(digits.ljust(9, "0")) if digits else 0
