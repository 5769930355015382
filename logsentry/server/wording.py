"""Figures as a person reads them on the status page."""

from __future__ import annotations

import time


def count(number: float) -> str:
    return f"{number:,.0f}"


def rate(number: float | None) -> str:
    return (
        "–"
        if number is None
        else f"{number:,.0f}"
        if number >= 10 or not number
        else f"{number:.1f}"
        if number >= 0.1
        else "< 0.1"
    )


def lasting(seconds: float | None) -> str:
    """`0.4 ms`, `35 ms`, `1.2 s`, `4 min`, `3 h`, `12 days`"""
    if seconds is None:
        return "–"
    for below, unit, name in ((0.01, 1e-3, "ms"), (1, 1e-3, "ms"), (120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < below:
            return f"{seconds / unit:.1f} {name}" if seconds / unit < 9.95 else f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"


def clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def ago(seconds: float, now: float) -> str:
    return f"{lasting(max(1.0, round(now - seconds)))} ago".replace(".0 ", " ")


def size(number: int) -> str:
    """`0 B`, `12 KiB`, `1.5 MiB`"""
    for power, unit in enumerate(("B", "KiB", "MiB", "GiB")):
        if number < 1024 ** (power + 1) or unit == "GiB":
            scaled = number / 1024**power
            return f"{scaled:.1f}".removesuffix(".0") + f" {unit}" if scaled < 9.95 else f"{scaled:,.0f} {unit}"
    return ""
