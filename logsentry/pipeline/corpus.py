"""What a detector is trained on: the events of some files, their windows in order of time, and which of them are held back."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from logsentry.errors import TrainingError
from logsentry.pipeline.build import make_files
from logsentry.pipeline.decode import position, read
from logsentry.reports.wording import count
from logsentry.schema.books import Books
from logsentry.schema.event import Event, timestamp
from logsentry.schema.profile import Profile
from logsentry.schema.window import Window
from logsentry.sdk import Progress, Source
from logsentry.stages.windows import assembler
from logsentry.store.manifest import TrainingData

LEAST_HELD_BACK = 20


class Corpus(msgspec.Struct, frozen=True):
    """`fit` and `held_back` are windows in order of time, with no event in both; `dead` says of each record why it could not be read."""

    fit: tuple[Window, ...]
    held_back: tuple[Window, ...]
    data: TrainingData
    per_day: float
    books: Books
    dead: tuple[str, ...]


def gather(source: Source, paths: Sequence[str], profile: Profile, fit_share: float, progress: Progress) -> Corpus:
    """Read, window and split; raises `TrainingError` where there is too little."""
    events, books, dead = read_all(source, paths, progress)
    windows = windows_of(events, profile)
    fit, held_back = split(windows, fit_share)
    return Corpus(fit, held_back, described(events, windows), per_day(windows), books, dead)


def read_all(source: Source, paths: Sequence[str], progress: Progress) -> tuple[list[Event], Books, tuple[str, ...]]:
    """Every event of the paths, in order, with the books and the reasons of records that could not be read."""
    events: list[Event] = []
    read_, filtered, dead = 0, 0, []
    input_ = make_files(paths, source)
    for decoded in read(input_, source):
        if decoded is None:
            continue
        read_ += len(decoded.records)
        events.extend(decoded.events)
        filtered += len(decoded.records) if decoded.filtered else 0
        if decoded.bad:
            dead += [f"{record.input} at byte {record.offset}: {decoded.bad}" for record in decoded.records]
        if read_ % 1000 < len(decoded.records):
            progress(*position(input_), f"reading: {read_:,} records")
    input_.close()
    if not events:
        raise TrainingError(
            f"no event of {source.name} was found in {', '.join(paths)} ({count(read_, 'record')} read); there is nothing to learn from"
            + (f"; the first that was refused: {dead[0]}" if dead else "")
        )
    return events, Books(read_, read_ - filtered - len(dead), 0, filtered, len(dead)), tuple(dead)


def windows_of(events: Sequence[Event], profile: Profile) -> list[Window]:
    """All windows, in time order; equal times keep the order in which the windows began."""
    assemble = assembler(profile.windows)
    closed = [closed for event in events for closed in assemble.feed(event)]
    closed.extend(assemble.flush())
    return sorted((c.window for c in closed if c.window.events), key=lambda window: window.time or 0)


def disjoint(windows: Sequence[Window], others: Sequence[Window]) -> tuple[Window, ...]:
    """The windows that have no event in common with any of the others."""
    seen = {event.id for window in others for event in window.events}
    return tuple(window for window in windows if seen.isdisjoint(event.id for event in window.events))


def split(windows: Sequence[Window], fit_share: float) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """The earliest share to fit on; of the rest those that have no event in common with it, as sliding windows may."""
    cut = int(len(windows) * fit_share)
    held_back = disjoint(windows[cut:], windows[:cut])
    if len(held_back) < LEAST_HELD_BACK:
        raise TrainingError(
            f"{len(windows)} windows leave {len(held_back)} to hold back for the threshold, and it takes {LEAST_HELD_BACK}; give more logs"
        )
    return tuple(windows[:cut]), held_back


def per_day(windows: Sequence[Window]) -> float:
    """Normal windows a day: their number over the time they span, which is at least an hour so that a short sample is no flood."""
    times = [window.time for window in windows if window.time is not None]
    days = (max(times) - min(times)) / 86_400e9 if times else 1.0
    return len(windows) / max(days, 1 / 24)


def described(events: Sequence[Event], windows: Sequence[Window]) -> TrainingData:
    """For the manifest: a digest over the event ids in order, counts, and the span of time."""
    digest = blake2b(digest_size=32)
    for event in events:
        digest.update(event.id.encode())
    times = [event.time for event in events if event.time is not None]
    first, last = (timestamp(min(times)), timestamp(max(times))) if times else ("", "")
    return TrainingData(digest.hexdigest(), len(events), len(windows), first, last)
