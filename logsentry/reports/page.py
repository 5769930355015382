"""The report as one HTML file: no script, nothing loaded from elsewhere, every value escaped.

The content comes from strangers, so it is held back three times: escaped, hidden characters written out (both in
`templates.py`), and a Content-Security-Policy that allows inline style and nothing more (W3C CSP Level 3, section 3.3, the
`meta` element).
"""

from __future__ import annotations

import errno
import os
from base64 import b64encode
from functools import cache
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from logsentry.errors import UsageError
from logsentry.reports import wording
from logsentry.reports.charts import Meter, histogram_chart, meter, timeline_chart
from logsentry.reports.content import ReportContent, TopWindow
from logsentry.reports.passages import Passage, passages
from logsentry.reports.templates import environment
from logsentry.reports.token_picture import Drawn, drawn
from logsentry.reports.visible import shown
from logsentry.store.bundles import write_whole


class Entry(msgspec.Struct, frozen=True):
    """One of the top windows with what the template cannot work out by itself."""

    window: TopWindow
    when: str
    rarity: str
    meter: Meter
    meter_label: str
    passages: list[Passage]
    tokens: Drawn | None


def render(content: ReportContent) -> str:
    """The page as text that UTF-8 can hold; the same content gives the same text."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=content,
            top=[_entry(window, content) for window in content.top],
            scores=histogram_chart(content.histogram, content.threshold),
            times=timeline_chart(content.timeline),
            heading=_heading(content),
            observed=_observed(content),
            calibration=_calibration(content),
            empty=_empty(content),
            unlisted=_unlisted(content),
            budget=_budget(content),
            verdict=wording.verdict(content.books),
            frequency=_picture_of(content.frequency),
        )
    )


def write(content: ReportContent, path: Path) -> None:
    """Write the page whole or not at all: under a temporary name beside `path`, then renamed.

    Raises `UsageError` where the folder is missing, `path` is something other than a file, or it cannot be written.
    """
    text = render(content)
    try:
        _replace(Path(os.path.realpath(path)), text)
    except OSError as error:
        raise UsageError(f"the report cannot be written to {path}: {error.strerror}") from error


def _replace(target: Path, text: str) -> None:
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {target.parent}")
    if target.exists() and not target.is_file():  # a rename would put a file in the place of /dev/null
        raise FileExistsError(errno.EEXIST, "it is not a file")
    write_whole(target, text.encode())


@cache
def _environment() -> jinja2.Environment:
    found = environment("logsentry.reports")
    found.filters["shown"] = shown
    found.globals.update(count=wording.count, number=wording.number, clock_within=wording.clock_within, percent=_percent)
    return found


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


def _entry(window: TopWindow, content: ReportContent) -> Entry:
    until = window.until
    when = wording.clock(window.time)
    if window.time is not None and until is not None and until > window.time:
        when += f" to {wording.clock_within(until, window.time)} ({wording.lasting(until - window.time)})"
    return Entry(
        window,
        f"{when}, {wording.count(len(window.events), 'event')}",
        wording.rarity(window.p_value),
        meter(window.value, content.threshold, content.histogram),
        f"score {wording.number(window.value)}, threshold {wording.number(content.threshold)}",
        passages(window),
        drawn(window.picture) if window.picture else None,
    )


def _picture_of(svg: str) -> Markup:
    """An address for an `img`, in which an SVG can neither run a script nor load anything."""
    return Markup(f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}") if svg else Markup()


def _heading(content: ReportContent) -> str:
    if not content.top:
        return "Windows"
    if len(content.top) >= content.windows:
        return (
            f"All {wording.count(content.windows, 'window')}, the strangest first" if content.windows > 1 else "The only window"
        )
    return f"The strangest {len(content.top)} of {wording.count(content.windows, 'window')}"


def _unlisted(content: ReportContent) -> str:
    """How many alerts the page leaves out; empty where it shows them all."""
    missing = content.alerts - sum(window.alert for window in content.top)
    return f"{wording.count(missing, 'further alert')} not listed here." if missing > 0 else ""


def _observed(content: ReportContent) -> str:
    """How long the log was, and at which rate it alerts; a rate is told from a day of log on."""
    first, last = content.timeline.first, content.timeline.last
    if first is None or last is None:
        return "Nothing was scored." if not content.windows else "The windows carry no times."
    length = f"In {wording.lasting(last - first)} of log, from {wording.clock(first)} UTC."
    if last - first < wording.DAY or not content.alerts:
        return length
    return f"{length} That is about {content.alerts / (last - first) * wording.DAY:,.2g} a day."


def _calibration(content: ReportContent) -> str:
    allowed = wording.budget(content.alerts_per_day)
    held_back = wording.count(content.calibrated_on, "held-back normal window")
    if content.threshold == float("inf"):
        return f"No score reaches it: {held_back} are too few to promise {allowed}."
    if content.threshold == float("-inf"):
        return f"Every window alerts: ordinary logs had no more windows a day than the budget of {wording.number(content.alerts_per_day)}."
    if content.alerts_per_day < content.attainable:
        least, asked = wording.attainable(content.attainable), wording.number(content.alerts_per_day)
        return (
            f"Only a window stranger than all {held_back} alerts: they can vouch for no fewer than {least} false alerts a day, "
            f"not for a budget of {asked}."
        )
    return f"A window alerts from this score on: {allowed}, calibrated on {held_back}."


def _budget(content: ReportContent) -> str:
    """What was asked for, or what there is instead."""
    if content.alerts_per_day < content.attainable:
        return f"{wording.budget(float(f'{content.attainable:.3g}'))} ({wording.number(content.alerts_per_day)} asked for)"
    return wording.budget(content.alerts_per_day)


def _empty(content: ReportContent) -> str:
    books = content.books
    if not books.read:
        return "No windows were scored, because nothing was read. Are the inputs the right ones, and is there anything in them?"
    if books.dead_lettered > books.filtered:
        return "No windows were scored: most of what was read could not be decoded. Is this the right source for these inputs?"
    return "No windows were scored: what was read was filtered, or had been delivered by an earlier run."
