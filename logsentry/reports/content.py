"""What a report holds, as plain data, and the counting that turns scores and times into bins and buckets.

Nothing here reads a store or knows of HTML: the caller fills a `ReportContent`, `page` draws it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from logsentry.reports.token_picture import TokenPicture
from logsentry.reports.wording import SECOND
from logsentry.schema.books import Books
from logsentry.schema.score import Reason

_STEPS = [SECOND * n for n in (1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)]
_LARGEST = 1e150  # beyond this the difference of two scores no longer fits a float


class Histogram(msgspec.Struct, frozen=True):
    """Bin i holds scores from `edges[i]` up to but without `edges[i + 1]`; the last bin also holds all that is higher.

    `above` says that some are. `unplaced` counts windows whose score is no finite number, `unplaced_alerts` those of
    them that alert.
    """

    edges: tuple[float, ...] = (0.0, 1.0)
    others: tuple[int, ...] = (0,)
    alerts: tuple[int, ...] = (0,)
    unplaced: int = 0
    unplaced_alerts: int = 0
    above: bool = False


class Bucket(msgspec.Struct, frozen=True):
    """Windows that began within one step of time; `time` is its start in nanoseconds, `alerts` are among `windows`."""

    time: int
    windows: int
    alerts: int


class Timeline(msgspec.Struct, frozen=True):
    """Buckets of `step` nanoseconds without gaps, the first and the last window, and how many windows carry no time."""

    buckets: tuple[Bucket, ...] = ()
    step: int = SECOND
    first: int | None = None
    last: int | None = None
    undated: int = 0


class ShownEvent(msgspec.Struct, frozen=True):
    """One event of a window: its place in it from 0 (the page counts from 1), its time, its line or message, and its id. `record` is what
    was logged, where a message stands for it."""

    position: int
    time: int | None
    text: str
    id: str
    record: str = ""


class TopWindow(msgspec.Struct, frozen=True):
    """One window with all of its events, in order, and why it scored as it did; a classifier's may have a picture of its tokens."""

    key: str
    time: int | None
    value: float
    p_value: float
    alert: bool
    votes: str
    events: tuple[ShownEvent, ...]
    reasons: tuple[Reason, ...] = ()
    picture: TokenPicture | None = None

    @property
    def until(self) -> int | None:
        return max((event.time for event in self.events if event.time is not None), default=None)

    @property
    def whole(self) -> tuple[Reason, ...]:
        """Reasons that belong to no event that is here."""
        here = {event.id for event in self.events}
        return tuple(reason for reason in self.reasons if reason.event not in here)

    def about(self, event: ShownEvent) -> tuple[Reason, ...]:
        """What was held against this event. Where two detectors of a hybrid say the same of it, the one that expected something."""
        named = [reason for reason in self.reasons if reason.event == event.id]
        said = {(reason.what, reason.seen) for reason in named if reason.expected}
        return tuple(reason for reason in named if reason.expected or (reason.what, reason.seen) not in said)


class ReportContent(msgspec.Struct, frozen=True):
    """Everything that the page shows. `generated_at` is text, so that the same content always gives the same bytes.

    `attainable` is the fewest false alerts a day that the calibration can vouch for, 0 where that is not known; `judged_under` are other
    thresholds than this one that verdicts on the windows shown were reached under, as a store may hold them;
    `frequency` is an SVG of how often a classifier's tokens came in training; empty where there is none.
    """

    title: str
    generated_at: str
    detector: str
    source: str
    inputs: tuple[str, ...]
    books: Books
    threshold: float
    alerts_per_day: float
    calibrated_on: int
    histogram: Histogram
    timeline: Timeline
    top: tuple[TopWindow, ...] = ()
    bundle: str = ""
    runs: tuple[str, ...] = ()
    degraded: bool = False
    frequency: str = ""
    attainable: float = 0.0
    judged_under: tuple[float, ...] = ()

    @property
    def windows(self) -> int:
        return sum(self.histogram.others) + sum(self.histogram.alerts) + self.histogram.unplaced

    @property
    def alerts(self) -> int:
        return sum(self.histogram.alerts) + self.histogram.unplaced_alerts


def histogram(
    values: Sequence[float] | npt.NDArray[np.float64],
    alerts: Sequence[bool] | npt.NDArray[np.bool_],
    threshold: float,
    bins: int = 40,
) -> Histogram:
    """Counts of scores, alerts and others apart, in about `bins` bins of one width with the threshold on an edge.

    So no bin lies on both sides of the threshold. Where a few scores lie far out (beyond eight times the way from the
    median to the 99th percentile or the threshold), the last bin is left open, else they would press the rest into one bar.
    """
    scores, flags = np.asarray(values, dtype=float), np.asarray(alerts, dtype=bool)
    placed = np.abs(scores) <= _LARGEST  # false for NaN
    unplaced, unplaced_alerts = np.count_nonzero(~placed), np.count_nonzero(flags & ~placed)
    scores, flags = scores[placed], flags[placed]
    edges = _edges(scores, threshold, bins)
    places = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, len(edges) - 2)
    others, alerting = (np.bincount(places[flags == which], minlength=len(edges) - 1).tolist() for which in (False, True))
    above = bool(scores.max(initial=-np.inf) > edges[-1])
    return Histogram(tuple(edges.tolist()), tuple(others), tuple(alerting), int(unplaced), int(unplaced_alerts), above)


def timeline(times: Sequence[int | None], alerts: Sequence[bool], most: int = 72) -> Timeline:
    """Windows and alerts in steps of 1, 5, 10, 30 seconds, minutes … that give at most `most` buckets.

    `times` are nanoseconds since 1970, None where a window carries no time. Buckets begin at multiples of their step
    since 1970, so hours and days begin where a clock has them.
    """
    dated = [(time, alert) for time, alert in zip(times, alerts, strict=True) if time is not None]
    if not dated:
        return Timeline(undated=len(times))
    first, last = min(time for time, _ in dated), max(time for time, _ in dated)
    step = _step(first, last, most)
    windows, alerting = Counter(time // step for time, _ in dated), Counter(time // step for time, alert in dated if alert)
    places = range(first // step, last // step + 1)
    buckets = tuple(Bucket(place * step, windows[place], alerting[place]) for place in places)
    return Timeline(buckets, step, first, last, len(times) - len(dated))


def _step(first: int, last: int, most: int) -> int:
    step = next((step for step in _STEPS if last // step - first // step < most), _STEPS[-1])
    while last // step - first // step >= most:
        step *= 2
    return step


def _edges(scores: npt.NDArray[np.float64], threshold: float, bins: int) -> npt.NDArray[np.float64]:
    drawn = abs(threshold) <= _LARGEST
    if not scores.size and not drawn:
        return np.array([0.0, 1.0])
    low, high = _reach(scores, threshold if drawn else None)
    width, start = (high - low) / bins, threshold if drawn else low
    first, last = math.floor((low - start) / width), math.ceil((high - start) / width)
    if drawn:
        first, last = min(first, -1), max(last, 1)  # the threshold never lies on the border of the picture
    return np.asarray(start + np.arange(first, last + 1) * width)


def _reach(scores: npt.NDArray[np.float64], threshold: float | None) -> tuple[float, float]:
    """The lowest and highest score to draw, a little apart even where all scores are equal."""
    marked = scores if threshold is None else np.append(scores, threshold)
    low, high = float(marked.min()), float(marked.max())
    middle, upper = np.quantile(scores, [0.5, 0.99]).tolist() if scores.size else (high, high)
    usual = upper if threshold is None else max(upper, threshold)
    if usual > middle:
        high = min(high, middle + 8 * (usual - middle))
    size = max(abs(low), abs(high), 1e-3)
    return (low, high) if high - low >= 1e-9 * size else (low - size / 10, high + size / 10)
