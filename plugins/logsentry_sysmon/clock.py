"""Times as Sysmon and the collectors write them, as nanoseconds since 1970.

`UtcTime` is `2019-03-18 16:57:52.402`, in UTC without saying so; `SystemTime` is RFC 3339 with up to nine decimals. Events come in
bursts, so a second is worked out once and kept.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1)
_THOUSANDTHS = {f"{part:03d}": part * 1_000_000 for part in range(1000)}
_WHOLE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}\.", re.ASCII)
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
        part = _THOUSANDTHS.get(stamp[20:])
        if part is not None and (second := _second(stamp[:20])) is not None:
            return second + part
    return _any(stamp)


def is_stamp(text: str) -> bool:
    """Whether a text is RFC 3339 with a zone, fit for a date field as it is."""
    if text[10:11] == "T" and text[-1:] == "Z" and len(text) <= 30 and text[20:-1].isdecimal() and text.isascii():
        return _second(f"{text[:10]} {text[11:20]}") is not None
    found = _TIME.fullmatch(text)
    return found is not None and text[10] == "T" and found[5] is not None and "," not in text and nanoseconds(text) is not None


@lru_cache(maxsize=4096)
def _second(second: str) -> int | None:
    """The time of `2019-03-18 16:57:52.`, a stamp up to its decimals; None where it is none."""
    if _WHOLE.fullmatch(second) is None:
        return None
    try:
        apart = datetime.fromisoformat(second[:19]) - _EPOCH
    except ValueError:
        return None
    return (apart.days * 86_400 + apart.seconds) * _SECOND


def _any(stamp: str) -> int | None:
    parts = _TIME.fullmatch(stamp.strip())
    second = _second(f"{parts[1]} {parts[2]}:{parts[3]}.") if parts else None
    if parts is None or second is None:
        return None
    east = 0
    if parts[5] not in (None, "Z", "UTC"):
        hours, minutes = int(parts[5][1:3]), int(parts[5][-2:])
        east = int(timedelta(hours=hours, minutes=minutes).total_seconds()) * (1 if parts[5][0] == "+" else -1)
    found = second - east * _SECOND + int((parts[4] or "0")[:9].ljust(9, "0"))
    return found if _EARLIEST <= found <= _LATEST else None


# A zone can push the first and the last day out of the years 1 to 9999.
_EARLIEST, _LATEST = -62_135_596_800 * _SECOND, 253_402_300_799 * _SECOND
