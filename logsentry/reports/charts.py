"""The geometry of the page's charts: bars, ticks and the threshold line in percent of the plot, for the template to draw.

Percent, not pixels, so that one drawing fits a desk and a telephone while its letters keep their size. Bars of alerts
stand in front of the bars of all windows and both begin at zero, so heights can be compared on a log axis too, where
stacked ones could not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from logsentry.reports.content import Histogram, Timeline
from logsentry.reports.wording import DAY, SECOND, clock, count, lasting, number

_ORDERS = 100  # from this ratio of the largest to the smallest bar on, the smallest would be a pixel high
_TIME_STEPS = [SECOND * n for n in (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)]


class Tick(msgspec.Struct, frozen=True):
    at: float
    label: str


class Bar(msgspec.Struct, frozen=True):
    """`height` is that of all windows, `alerts` that of the alerts among them; `label` says the numbers in words."""

    at: float
    width: float
    height: float
    alerts: float
    label: str


class Chart(msgspec.Struct, frozen=True):
    """One picture; `description` says in words what it shows, for those who do not see it."""

    title: str
    description: str
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_label: str
    y_label: str
    line: Tick | None = None


class Meter(msgspec.Struct, frozen=True):
    """One score beside the threshold, on the axis of the histogram; `threshold` is None where it is no finite number."""

    filled: float
    threshold: float | None


def histogram_chart(counts: Histogram, threshold: float) -> Chart:
    edges, windows = counts.edges, [a + b for a, b in zip(counts.others, counts.alerts, strict=True)]
    scale, y_ticks, logarithmic = _counts_axis([*windows, *counts.alerts])
    place = _axis(edges[0], edges[-1])
    labels = [f"{number(a)} to {number(b)}" for a, b in pairwise(edges)]
    if counts.above:
        labels[-1] = f"{number(edges[-2])} and above"
    spots = [(place(a), place(b) - place(a)) for a, b in pairwise(edges)]
    drawn = math.isfinite(threshold) and edges[0] <= threshold <= edges[-1]
    return Chart(
        "How the scores are spread",
        f"Histogram of {count(sum(windows), 'score')} from {number(edges[0])} to {number(edges[-1])}; "
        f"{sum(counts.alerts):,} alert. The threshold is {number(threshold)}.",
        _bars(spots, windows, counts.alerts, labels, scale),
        tuple(Tick(place(at), f"{at:.10g}") for at in _round_marks(edges[0], edges[-1], 6)),
        y_ticks,
        "score (higher is stranger)",
        "windows, log scale" if logarithmic else "windows",
        Tick(place(threshold), f"threshold {number(threshold)}") if drawn else None,
    )


def timeline_chart(counts: Timeline) -> Chart:
    buckets, step = counts.buckets, counts.step
    windows, alerts = [bucket.windows for bucket in buckets], [bucket.alerts for bucket in buckets]
    scale, y_ticks, logarithmic = _counts_axis([*windows, *alerts])
    begin, end = (buckets[0].time, buckets[-1].time + step) if buckets else (0, step)
    width = 100 / max(len(buckets), 1)
    spots = [(width * i, width) for i in range(len(buckets))]
    return Chart(
        "When windows began, and which alert",
        f"{count(sum(windows), 'window')} and {count(sum(alerts), 'alert')}, "
        f"the first at {clock(counts.first)}, the last at {clock(counts.last)} UTC.",
        _bars(spots, windows, alerts, [clock(bucket.time) for bucket in buckets], scale),
        _time_ticks(begin, end),
        y_ticks,
        f"time (UTC), {lasting(step)} a bar",
        "windows, log scale" if logarithmic else "windows",
    )


def meter(value: float, threshold: float, counts: Histogram) -> Meter:
    place = _axis(min(0.0, counts.edges[0]), counts.edges[-1])
    filled = 0.0 if math.isnan(value) else place(value)
    return Meter(filled, place(threshold) if math.isfinite(threshold) else None)


def _axis(low: float, high: float) -> Callable[[float], float]:
    return lambda value: min(100.0, max(0.0, (value - low) / (high - low) * 100))


def _bars(
    spots: Sequence[tuple[float, float]],
    windows: Sequence[int],
    alerts: Sequence[int],
    labels: Sequence[str],
    scale: Callable[[int], float],
) -> tuple[Bar, ...]:
    """One bar for each place that is not empty."""
    rows = zip(spots, windows, alerts, labels, strict=True)
    return tuple(
        Bar(at, width, scale(n), scale(bad), f"{label}: {count(n, 'window')}, {count(bad, 'alert')}")
        for (at, width), n, bad, label in rows
        if n
    )


def _counts_axis(numbers: Sequence[int]) -> tuple[Callable[[int], float], tuple[Tick, ...], bool]:
    """Heights in percent and their ticks; log(1 + n) where counts span orders, because it has a zero."""
    most, least = max(numbers, default=0), min((n for n in numbers if n), default=1)
    if most < _ORDERS * least:
        marks = _round_marks(0, max(most, 1) * 1.1, 4, whole=True)
        top = max(most, 1) * 1.1
        return lambda n: n / top * 100, tuple(Tick(at / top * 100, f"{at:,.0f}") for at in marks), False
    top = math.log1p(most) * 1.04
    marks = [0.0, *(10.0**power for power in range(int(math.log10(most)) + 1))]
    return lambda n: math.log1p(n) / top * 100, tuple(Tick(math.log1p(at) / top * 100, f"{at:,.0f}") for at in marks), True


def _round_marks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """At most `most` + 1 multiples of 1, 2 or 5 times a power of ten between the two."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * 0.999)
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{n * step:.12g}") for n in range(first, last + 1)]


def _time_ticks(begin: int, end: int, most: int = 5) -> tuple[Tick, ...]:
    step = next((step for step in _TIME_STEPS if (end - begin) // step <= most), _TIME_STEPS[-1])
    while (end - begin) // step > most:
        step *= 2
    times = range(-(-begin // step) * step, end + 1, step)
    shown = slice(0, 10) if step >= DAY else slice(5, 16) if step >= 60 * SECOND else slice(11, 19)
    return tuple(Tick((time - begin) / (end - begin) * 100, clock(time)[shown] or clock(time)) for time in times)
