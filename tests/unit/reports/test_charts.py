"""The geometry of the charts: bars inside the plot, the line where the threshold is, ticks where their labels say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.reports.charts import Bar, Chart, histogram_chart, meter, timeline_chart
from logsentry.reports.content import Histogram, histogram, timeline

SECOND = 1_000_000_000


def fits(chart: Chart) -> bool:
    spots = [(bar.at, bar.at + bar.width, bar.height, bar.alerts) for bar in chart.bars]
    ticks = [tick.at for tick in (*chart.x_ticks, *chart.y_ticks)]
    return all(-1e-6 <= value <= 100 + 1e-6 for value in [*ticks, *(value for spot in spots for value in spot)])


@given(st.lists(st.floats(), max_size=50), st.floats())
def test_a_histogram_of_any_scores_stays_inside_its_plot(values: list[float], threshold: float) -> None:
    counts = histogram(values, [value >= threshold for value in values], threshold)
    chart = histogram_chart(counts, threshold)
    assert fits(chart)
    assert len(chart.bars) == sum(n > 0 for n in map(sum, zip(counts.others, counts.alerts, strict=True)))
    assert chart.x_ticks


@given(st.lists(st.tuples(st.integers(-(2**62), 2**62), st.booleans()), max_size=50))
def test_a_timeline_of_any_times_stays_inside_its_plot(seen: list[tuple[int, bool]]) -> None:
    chart = timeline_chart(timeline([time for time, _ in seen], [alert for _, alert in seen]))
    assert fits(chart)
    assert len(chart.x_ticks) <= 6


def test_the_threshold_line_divides_alerts_from_others() -> None:
    values = [0.1, 0.2, 0.39, 0.41, 0.8]
    chart = histogram_chart(histogram(values, [value >= 0.4 for value in values], 0.4), 0.4)
    assert chart.line is not None
    assert chart.line.label == "threshold 0.4"
    assert chart.line.at == pytest.approx((0.4 - 0.1) / (0.8 - 0.1) * 100, abs=2.5)
    assert all(bar.at + bar.width <= chart.line.at + 1e-6 for bar in chart.bars if not bar.alerts)
    assert all(bar.at >= chart.line.at - 1e-6 for bar in chart.bars if bar.alerts)


def test_ticks_stand_where_their_labels_say() -> None:
    counts = Histogram((0.0, 0.5, 1.0), (3, 0), (0, 1))
    assert [(tick.label, tick.at) for tick in histogram_chart(counts, 0.5).x_ticks] == [
        ("0", 0),
        ("0.2", pytest.approx(20)),
        ("0.4", pytest.approx(40)),
        ("0.6", pytest.approx(60)),
        ("0.8", pytest.approx(80)),
        ("1", 100),
    ]


def test_an_infinite_threshold_has_no_line() -> None:
    chart = histogram_chart(histogram([0.1, 0.2], [False, False], math.inf), math.inf)
    assert chart.line is None
    assert "threshold is ∞" in chart.description


def test_counts_that_span_orders_get_a_log_axis_and_one_window_stays_visible() -> None:
    chart = histogram_chart(Histogram((0.0, 0.5, 1.0), (20_000, 0), (0, 1)), 0.5)
    assert chart.y_label == "windows, log scale"
    assert [tick.label for tick in chart.y_ticks] == ["0", "1", "10", "100", "1,000", "10,000"]
    assert chart.bars[1].height > 5
    assert chart.bars[1].height == next(tick.at for tick in chart.y_ticks if tick.label == "1")


def test_few_counts_get_a_linear_axis_of_whole_numbers() -> None:
    chart = histogram_chart(Histogram((0.0, 0.5, 1.0), (2, 0), (0, 1)), 0.5)
    assert chart.y_label == "windows"
    assert [tick.label for tick in chart.y_ticks] == ["0", "1", "2"]
    assert chart.bars[0].height == pytest.approx(2 * chart.bars[1].height)


def test_a_bar_says_its_numbers() -> None:
    chart = histogram_chart(Histogram((0.0, 0.5, 1.0), (3, 0), (0, 1), above=True), 0.5)
    assert [bar.label for bar in chart.bars] == ["0 to 0.5: 3 windows, 0 alerts", "0.5 and above: 1 window, 1 alert"]


def test_the_timeline_marks_hours_and_alerts() -> None:
    noon = 1_714_737_600 * SECOND
    chart = timeline_chart(timeline([noon, noon + 4 * 3600 * SECOND], [True, False]))
    assert [tick.label for tick in chart.x_ticks] == ["05-03 12:00", "05-03 13:00", "05-03 14:00", "05-03 15:00", "05-03 16:00"]
    assert chart.bars[0] == Bar(0, 100 / 49, 100 / 1.1, 100 / 1.1, "2024-05-03 12:00:00: 1 window, 1 alert")
    assert chart.x_label == "time (UTC), 5 min a bar"


def test_the_meter_shows_a_score_beside_the_threshold() -> None:
    counts = Histogram((0.0, 0.5, 1.0), (3, 0), (0, 1))
    assert (meter(0.75, 0.5, counts).filled, meter(0.75, 0.5, counts).threshold) == (75, 50)
    assert meter(math.inf, math.inf, counts).filled == 100
    assert meter(math.nan, math.inf, counts) == meter(-1, math.inf, counts)
