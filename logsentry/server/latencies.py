"""How long requests took, read out of the histograms that `measures` keeps for Prometheus: by route, and since an earlier look."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from logsentry.server.measures import Measures

Buckets = dict[float, float]
"""Upper bound in seconds -> requests that took no longer."""

Counted = dict[tuple[str, str], Buckets]
"""(route, status) -> its histogram."""


class RouteFigures(msgspec.Struct, frozen=True):
    """Requests to one route since the start, how many of them failed (5xx), were turned away (4xx), and how long the last took."""

    route: str
    requests: int
    refused: int
    failed: int
    median: float | None
    slow: float | None


def counted(measures: Measures) -> Counted:
    found: Counted = {}
    for family in measures.seconds.collect():
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                key = (sample.labels["route"], sample.labels["status"])
                found.setdefault(key, {})[float(sample.labels["le"])] = sample.value
    return found


def route_figures(now: Counted, before: Counted) -> list[RouteFigures]:
    """The busiest first. Counts are since the start, latencies since the look before."""
    found = []
    for route in {route for route, _ in now}:
        by_status = {status: buckets for (name, status), buckets in now.items() if name == route}
        lately = together([less(buckets, before.get((route, status), {})) for status, buckets in by_status.items()])
        counts = {status: int(answered(buckets)) for status, buckets in by_status.items()}
        refused, failed = (sum(n for status, n in counts.items() if status.startswith(digit)) for digit in "45")
        figures = RouteFigures(route, sum(counts.values()), refused, failed, quantile(lately, 0.5), quantile(lately, 0.99))
        found.append(figures)
    return sorted(found, key=lambda figures: (-figures.requests, figures.route))


def quantile(buckets: Buckets, share: float) -> float | None:
    """As Prometheus' `histogram_quantile` reads it: straight inside a bucket; at most the last bound. None where nothing was counted."""
    bounds = sorted(buckets)
    wanted = share * answered(buckets)
    if not wanted:
        return None
    for low, high in pairwise([0.0, *bounds]):
        below = buckets.get(low, 0.0)
        if buckets[high] >= wanted:
            return low if high == float("inf") else low + (high - low) * (wanted - below) / (buckets[high] - below)
    return None


def answered(buckets: Buckets) -> float:
    return buckets.get(float("inf"), 0.0)


def less(now: Buckets, before: Buckets) -> Buckets:
    return {bound: count - before.get(bound, 0.0) for bound, count in now.items()}


def together(each: Sequence[Buckets]) -> Buckets:
    return {bound: sum(buckets[bound] for buckets in each) for bound in (each[0] if each else {})}
