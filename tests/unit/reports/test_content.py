"""Bins, buckets and passages: nothing is lost in counting, and the threshold always lies on an edge."""

from __future__ import annotations

import math
from bisect import bisect_right

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.reports.content import Histogram, ShownEvent, Timeline, TopWindow, histogram, timeline
from logsentry.reports.passages import passages
from logsentry.schema.score import Reason

SECOND = 1_000_000_000
ANY_SCORES = st.lists(st.tuples(st.floats(), st.booleans()), max_size=60)


def window(length: int, *surprising: int) -> TopWindow:
    events = tuple(ShownEvent(i, i * SECOND, f"line {i}", f"id{i}") for i in range(length))
    reasons = tuple(Reason("surprising key", f"id{i}", i) for i in surprising)
    return TopWindow("10.0.0.1", 0, 0.9, 0.001, True, "9 of 9", events, reasons)


@given(ANY_SCORES, st.floats())
def test_every_window_is_counted_once_whatever_its_score(scores: list[tuple[float, bool]], threshold: float) -> None:
    counts = histogram([value for value, _ in scores], [alert for _, alert in scores], threshold)
    assert sum(counts.others) + sum(counts.alerts) + counts.unplaced == len(scores)
    assert sum(counts.alerts) + counts.unplaced_alerts == sum(alert for _, alert in scores)
    assert len(counts.edges) == len(counts.others) + 1 == len(counts.alerts) + 1
    assert all(low < high for low, high in zip(counts.edges, counts.edges[1:], strict=False))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(-1e6, 1e6))
def test_no_bin_holds_scores_of_both_sides_of_the_threshold(values: list[float], threshold: float) -> None:
    counts = histogram(values, [value >= threshold for value in values], threshold)
    assert threshold in counts.edges
    assert not any(others and alerts for others, alerts in zip(counts.others, counts.alerts, strict=True))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_a_score_stands_in_the_bin_that_its_edges_name(values: list[float]) -> None:
    counts = histogram(values, [False] * len(values), 0.5)
    expected = [0] * len(counts.others)
    for value in values:
        expected[min(max(bisect_right(counts.edges, value) - 1, 0), len(expected) - 1)] += 1
    assert counts.others == tuple(expected)


def test_a_far_score_leaves_the_last_bin_open_and_the_rest_readable() -> None:
    values = [i / 1000 for i in range(999)] + [5000.0]
    counts = histogram(values, [value >= 0.9 for value in values], 0.9)
    assert counts.above
    assert counts.alerts[-1] == 1
    assert counts.edges[-1] < 10


def test_arrays_as_a_store_gives_them_are_taken_too() -> None:
    assert histogram(np.array([0.1, 0.7]), np.array([False, True]), 0.5) == histogram([0.1, 0.7], [False, True], 0.5)


def test_no_windows_give_an_empty_histogram_and_timeline() -> None:
    assert histogram([], [], math.inf) == Histogram()
    assert timeline([], []) == Timeline()


def test_scores_that_are_no_numbers_are_told_apart() -> None:
    counts = histogram([math.nan, math.inf, 0.2], [False, True, False], 0.5)
    assert (counts.unplaced, counts.unplaced_alerts, sum(counts.others)) == (2, 1, 1)


@given(st.lists(st.tuples(st.none() | st.integers(-(2**62), 2**62), st.booleans()), max_size=60))
def test_every_window_is_in_one_bucket_or_undated(seen: list[tuple[int | None, bool]]) -> None:
    counts = timeline([time for time, _ in seen], [alert for _, alert in seen])
    dated = [(time, alert) for time, alert in seen if time is not None]
    assert sum(bucket.windows for bucket in counts.buckets) == len(dated) == len(seen) - counts.undated
    assert sum(bucket.alerts for bucket in counts.buckets) == sum(alert for _, alert in dated)
    assert len(counts.buckets) <= 72
    for bucket in counts.buckets:
        inside = [time for time, _ in dated if bucket.time <= time < bucket.time + counts.step]
        assert bucket.windows == len(inside)


def test_quiet_hours_are_buckets_too_and_begin_on_the_hour() -> None:
    day = 86_400 * SECOND
    counts = timeline([10 * SECOND, 2 * day - SECOND], [False, True])
    assert counts.step == 3600 * SECOND
    assert [bucket.time % (3600 * SECOND) for bucket in counts.buckets] == [0] * 48
    assert [bucket.alerts for bucket in counts.buckets] == [0] * 47 + [1]


def test_times_and_flags_of_unequal_number_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        timeline([1, 2], [True])


@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=6))
def test_passages_hold_all_events_in_order_and_fold_no_surprise(length: int, surprising: set[int]) -> None:
    marked = {place for place in surprising if place < length}
    parts = passages(window(length, *marked))
    assert [row.event.position for part in parts for row in part.rows] == list(range(length))
    assert {row.event.position for part in parts if not part.folded for row in part.rows} >= marked
    assert {row.event.position for part in parts for row in part.rows if row.reasons} == marked


def test_events_far_from_a_surprise_are_folded() -> None:
    assert [(len(part.rows), part.folded) for part in passages(window(30, 10))] == [(8, True), (5, False), (17, True)]
    assert [part.folded for part in passages(window(8))] == [False]


def test_reasons_that_name_no_event_here_are_about_the_whole_window() -> None:
    one = window(3, 1)
    lost = Reason("surprising key", "id of an event that was not stored", 7)
    early = Reason("the session ends early")
    top = TopWindow(one.key, one.time, 0.9, 0.1, True, "", one.events, (*one.reasons, early, lost))
    assert top.whole == (early, lost)
    assert top.about(one.events[1]) == one.reasons
    assert top.until == 2 * SECOND


def test_what_two_detectors_say_alike_of_an_event_is_said_once() -> None:
    base = window(3, 1)
    (event,) = (event for event in base.events if event.id == "id1")
    alike = (Reason("never seen", "id1", 1, "GET /x", ("GET /y",), 7), Reason("never seen", "id1", 1, "GET /x"))
    other = Reason("too many", "id1", 1, "GET /x")
    assert msgspec.structs.replace(base, reasons=(*alike, other)).about(event) == (alike[0], other)
    assert msgspec.structs.replace(base, reasons=(alike[1], other)).about(event) == (alike[1], other)
