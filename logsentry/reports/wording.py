"""Numbers, times and budgets in words, as the page writes them. All times are UTC; nothing here raises."""

from __future__ import annotations

import math
import sys

from logsentry.schema.books import Books
from logsentry.schema.event import timestamp

SECOND = 1_000_000_000
DAY = 86_400 * SECOND


def count(number: int, one: str, many: str = "") -> str:
    """`1 window`, `1,234 windows`"""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def number(value: float) -> str:
    """Four significant digits: `0.8312`, `12.5`; `∞` and `not a number` where there is no number to show.

    A threshold that only zero stays below is the least number above zero, and is called that.
    """
    if 0 < value < sys.float_info.min:
        return "just above 0"
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e9 else f"{value:.4g}".replace("-", "−")


def clock(time: int | None) -> str:
    """`2024-05-03 10:20:11` from nanoseconds since 1970, with the fraction of a second only where there is one."""
    if time is None:
        return "no time"
    try:
        day, _, rest = timestamp(time).partition("T")
    except ValueError:
        return f"{time // SECOND:,} s since 1970"
    return f"{day} {rest.removesuffix('Z').removesuffix('.000')}"


def clock_within(time: int | None, beside: int | None) -> str:
    """The time of day alone where the day is that of `beside`, which the reader has seen already."""
    mine, other = clock(time), clock(beside)
    return mine[11:] if mine[4:5] == "-" and mine[:10] == other[:10] else mine


def lasting(nanoseconds: int) -> str:
    """`4 min 29 s`, `2.1 days`: two units below a day, a decimal above."""
    if nanoseconds < SECOND:
        return f"{nanoseconds / SECOND:.3g} s"
    if nanoseconds >= DAY:
        days = nanoseconds / DAY
        return "1 day" if days == 1 else f"{days:,.3g} days" if days < 1000 else f"{days:,.0f} days"
    minutes, seconds = divmod(nanoseconds // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    units = [(hours, "h"), (minutes, "min"), (0 if hours else seconds, "s")]
    return " ".join(f"{value} {unit}" for value, unit in units if value)


def budget(alerts_per_day: float) -> str:
    """`at most 5 false alerts a day`; a budget below one a day is told in days, which is easier to picture."""
    if 0 < alerts_per_day < 1:
        return f"at most one false alert in {1 / alerts_per_day:,.3g} days"
    return f"at most {alerts_per_day:,.6g} false {'alert' if alerts_per_day == 1 else 'alerts'} a day"


def attainable(alerts_per_day: float) -> str:
    """`79.6`, `1,230`: three digits, for a limit that is an estimate."""
    return f"{float(f'{alerts_per_day:.3g}'):,.15g}"


def rarity(p_value: float) -> str:
    """`1 in 1,250 normal windows` for a p-value of 0.0008; empty where a share says it as well."""
    return f"1 in {1 / p_value:,.0f} normal windows" if 1e-12 < p_value <= 0.5 else ""


def verdict(books: Books) -> str:
    """What the books mean, in one plain sentence."""
    if not books.read and books.balanced:
        return "Nothing was read."
    if books.balanced:
        return "Every record that was read is accounted for."
    gap = books.read - books.scored - books.duplicate - books.filtered - books.dead_lettered
    wrong = f"{count(gap, 'record')} read ended nowhere" if gap > 0 else f"{count(-gap, 'record')} more ended than were read"
    return f"{wrong}: find out why before you trust the rest."
