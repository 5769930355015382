"""From stored scores to the report page: what `logsentry report` does between its options and its last line."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from logsentry.errors import InputError, UsageError
from logsentry.pipeline.build import make_reader
from logsentry.pipeline.picturing import Picturing
from logsentry.reports.content import ReportContent, ShownEvent, TopWindow, histogram, timeline
from logsentry.reports.page import write
from logsentry.reports.visible import visible
from logsentry.reports.wording import budget, number
from logsentry.schema.books import Books, Run
from logsentry.schema.event import timestamp
from logsentry.schema.score import Reason
from logsentry.schema.stored import StoredEvent, StoredScore
from logsentry.sdk import ScoreReader
from logsentry.store.verified import Bundle

TOP = 20
PICTURED = 5
"""Of so many windows a classifier's tokens are drawn: each takes dozens of passes, and some 20 kB of the page."""
REASONS, LINE = 2, 110


def report(
    address: str,
    page: Path,
    title: str = "logsentry report",
    run: str | None = None,
    top: int = TOP,
    bundle: Bundle | None = None,
) -> ReportContent:
    """Write the page about one run, or about all runs of the one detector that the store knows; with the bundle of a classifier that
    made the scores, also what it read."""
    with closing(make_reader(address)) as reader:
        content = gather(reader, title, run, top, bundle)
    write(content, page)
    return content


def gather(
    reader: ScoreReader, title: str, run: str | None = None, top: int = TOP, bundle: Bundle | None = None
) -> ReportContent:
    """Raises `InputError` where the store has no run, `UsageError` where it has several detectors or thresholds and no run was
    chosen, or the bundle is not the one that scored."""
    runs = chosen(reader.runs(), run)
    picturing = None if bundle is None else Picturing(bundle, runs[-1].detector)
    columns = reader.columns(run)
    threshold = runs[-1].threshold
    strangest = reader.scores("value", top, run)
    return ReportContent(
        title=title,
        generated_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        detector=runs[-1].detector,
        source=runs[-1].source,
        inputs=tuple(dict.fromkeys(path for one in runs for path in one.inputs)),
        books=total([one.books for one in runs]),
        threshold=threshold,
        alerts_per_day=runs[-1].alerts_per_day,
        calibrated_on=runs[-1].calibrated_on,
        attainable=runs[-1].attainable,
        judged_under=tuple(sorted({score.threshold for score in strangest} - {threshold})),
        histogram=histogram(columns.values, columns.alerts, threshold),
        timeline=timeline(columns.times, columns.alerts),
        top=tuple(shown(reader, score, picturing if place < PICTURED else None) for place, score in enumerate(strangest)),
        bundle=runs[-1].detector,
        runs=tuple(one.id for one in runs),
        frequency=picturing.frequency if picturing else "",
    )


def chosen(runs: Sequence[Run], run: str | None) -> list[Run]:
    """The run asked for, or all where they are of one detector under one threshold."""
    found = [one for one in runs if run in (None, one.id)]
    if not found:
        raise InputError(
            "the store holds no run yet; score something into it first" if run is None else f"the store holds no run {run!r}"
        )
    detectors = sorted({one.detector for one in found})
    if len(detectors) > 1:
        listed = ", ".join(f"{one.id} ({one.detector})" for one in found)
        raise UsageError(f"the store holds runs of {len(detectors)} detectors; say which with --run: {listed}")
    if len({one.threshold for one in found}) > 1:
        listed = ", ".join(f"{one.id} (threshold {number(one.threshold)}, {budget(one.alerts_per_day)})" for one in found)
        raise UsageError(f"the store holds runs of {detectors[0]} under different thresholds; say which with --run: {listed}")
    return found


def total(books: Sequence[Books]) -> Books:
    return Books(
        sum(b.read for b in books), sum(b.scored for b in books), sum(b.duplicate for b in books),
        sum(b.filtered for b in books), sum(b.dead_lettered for b in books),
    )  # fmt: skip


def shown(reader: ScoreReader, score: StoredScore, picturing: Picturing | None = None) -> TopWindow:
    stored = reader.events_of(score.id)
    events = tuple(map(_event, stored))
    picture = picturing.of(score.key, score.source, stored) if picturing else None
    return TopWindow(score.key, score.time, score.value, score.p_value, score.alert, score.votes, events, score.why, picture)


def _event(stored: StoredEvent) -> ShownEvent:
    """A line is shown as it was logged; a record in JSON or XML by its message, and itself behind a fold."""
    if stored.message and stored.original.lstrip()[:1] in ("{", "<"):
        return ShownEvent(stored.position, stored.time, stored.message, stored.id, stored.original)
    return ShownEvent(stored.position, stored.time, stored.original, stored.id)


def in_words(windows: Sequence[TopWindow]) -> list[str]:
    """The strangest windows as a person reads them in a terminal: who, how strange, the lines, and what was expected instead."""
    lines = []
    for place, window in enumerate(windows, 1):
        when = f" at {timestamp(window.time)}" if window.time is not None else ""
        strange = f"value {window.value:.2f}, p {window.p_value:.2g}, {window.votes}{', ALERT' if window.alert else ''}"
        lines += ["", f"{place}. {window.key}{when}, {len(window.events)} events: {strange}"]
        different = list({reason.seen: reason for reason in reversed(window.reasons)}.values())[::-1]
        for reason in different[:REASONS]:
            lines += _reason(window, reason)
    return [visible(line) for line in lines]


def _reason(window: TopWindow, reason: Reason) -> list[str]:
    text = next((event.text for event in window.events if event.id == reason.event), "")
    lines = [f"     {text[:LINE]}{'…' if len(text) > LINE else ''}"] if text else []
    lines.append(f"       {reason.seen or 'the session'} {reason.what}")
    return lines + [
        f"       {'expected instead:' if number == 0 else ' ' * 17} {key}" for number, key in enumerate(reason.expected)
    ]
