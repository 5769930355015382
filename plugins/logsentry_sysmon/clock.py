"""Times as Sysmon and the collectors write them, as nanoseconds since 1970.

`UtcTime` is `2019-03-18 16:57:52.402`, in UTC without saying so; `SystemTime` is RFC 3339 with up to nine decimals. Most events of
a log share their minute, so a minute is worked out once and kept.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_SECOND = 1_000_000_000
_SECONDS = {f"{second:02d}.": second * _SECOND for second in range(60)}
_THOUSANDTHS = {f"{part:03d}": part * 1_000_000 for part in range(1000)}
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}):([0-5][0-9])(?:[.,]([0-9]{1,12}))? ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)


def nanoseconds(stamp: str) -> int | None:
    """The time of a stamp, or None where it is no time at all; without a zone it is UTC.

    >>> nanoseconds("2019-03-18 16:57:52.402"), nanoseconds("2019-03-18T17:57:52.4021191+01:00"), nanoseconds("-")
    (1552928272402000000, 1552928272402119100, None)
    """
    if len(stamp) == 23 and stamp[10] == " ":
        inside, part = _SECONDS.get(stamp[17:20]), _THOUSANDTHS.get(stamp[20:])
        if inside is not None and part is not None and stamp[16] == ":" and (minute := _minute(stamp[:16])) is not None:
            return minute + inside + part
    return _any(stamp)


def is_stamp(text: str) -> bool:
    """Whether a text is RFC 3339 with a zone, fit for a date field as it is."""
    usual = text[10:11] == "T" and text[-1:] == "Z" and text[16:17] == ":" and text[17:20] in _SECONDS and len(text) <= 30
    if usual and text[20:-1].isdecimal() and text.isascii():
        return _minute(text[:10] + " " + text[11:16]) is not None
    found = _TIME.fullmatch(text)
    return found is not None and text[10] == "T" and found[5] is not None and "," not in text and nanoseconds(text) is not None


@lru_cache(maxsize=4096)
def _minute(minute: str) -> int | None:
    try:
        moment = datetime.strptime(minute, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    apart = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (apart.days * 86_400 + apart.seconds) * _SECOND


def _any(stamp: str) -> int | None:
    parts = _TIME.fullmatch(stamp.strip())
    minute = _minute(f"{parts[1]} {parts[2]}") if parts else None
    if parts is None or minute is None:
        return None
    east = 0
    if parts[5] not in (None, "Z", "UTC"):
        hours, minutes = int(parts[5][1:3]), int(parts[5][-2:])
        east = int(timedelta(hours=hours, minutes=minutes).total_seconds()) * (1 if parts[5][0] == "+" else -1)
    found = minute + (int(parts[3]) - east) * _SECOND + int((parts[4] or "0")[:9].ljust(9, "0"))
    return found if _EARLIEST <= found <= _LATEST else None


# A zone can push the first and the last day out of the years 1 to 9999.
_EARLIEST, _LATEST = -62_135_596_800 * _SECOND, 253_402_300_799 * _SECOND
