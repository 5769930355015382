"""One pass of a scheduled job over inputs that grow while nobody reads: what `logsentry enrich` does between its options and its last line.

A job reads up to the watermark, closes what can have no more events, and leaves the rest for its next pass, which begins a while
before the cursor; which records are settled already it keeps in its state folder (`seen.py`). A backfill is a job of its own, with
its own folder, whose scores alert nobody. Scoring and books are `scoring.py`'s.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from logsentry.errors import UsageError
from logsentry.pipeline.breaker import Notice, unnoticed
from logsentry.pipeline.build import built, framed
from logsentry.pipeline.checkpoint import Checkpoint, Resumed
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.done import Done, done
from logsentry.pipeline.opening import Opened, opened
from logsentry.pipeline.runs import describe, expect_repeats, record
from logsentry.pipeline.scoring import ScoringPass
from logsentry.pipeline.seen import Seen
from logsentry.pipeline.span import Span
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books
from logsentry.schema.event import timestamp
from logsentry.schema.record import Cursor
from logsentry.sdk import Input, Progress, Scheduled

ALWAYS = -(1 << 63)


@runtime_checkable
class Rereads(Protocol):
    """An input whose passes begin before the cursor: from which time on, in milliseconds since 1970."""

    def rereads_from(self, after: Cursor) -> int: ...


@runtime_checkable
class Remarks(Protocol):
    """An input that has something to say of what it could not find."""

    def remarks(self) -> Sequence[str]: ...


class Enriched(msgspec.Struct, frozen=True):
    """How a pass over one input ended. `watermark` is in milliseconds since 1970, `lag` in seconds behind the clock.

    A backfill up to a given time is behind nothing and has no lag.
    """

    name: str
    done: Done
    watermark: int | None
    lag: float | None
    stopped: bool
    silent: bool
    remarks: tuple[str, ...]

    def sentences(self) -> list[str]:
        """What a person wants to know before the books, `remarks` apart, which ask for something to be done."""
        told = self.done.sentences()
        if self.silent:
            told.append("this was a backfill: its scores are kept, and nobody is alerted")
        if self.stopped:
            told.append("it was asked to stop; the next pass goes on from here")
        if self.watermark is None:
            return [*told, "nothing was read yet, so there is no watermark"]
        behind = "" if self.lag is None else f", {self.lag:,.0f} s ago"
        return [*told, f"complete up to {timestamp(self.watermark * 1_000_000)}{behind}"]

    def line(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "input": self.name,
            **msgspec.to_builtins(self.done.run.books),
            "balanced": self.done.run.books.balanced,
            "windows": self.done.windows,
            "alerts": self.done.alerts,
            "detector": self.done.run.detector,
            "watermark": None if self.watermark is None else timestamp(self.watermark * 1_000_000),
            "lag_seconds": self.lag,
            "silent": self.silent,
            "stopped": self.stopped,
            "dead_letters": str(self.done.dead_letters),
        }


def enrich_config(
    path: Path, over: Span, progress: Progress, notice: Notice = unnoticed, stop: Stop | None = None
) -> list[Enriched]:
    """One pass over every input of a configuration, one after another.

    Raises `UsageError` where an input is none to come back to, `Unavailable` where another pass of this job runs, and what `opened` raises.
    Inputs after the one that was stopped are left for the next run.
    """
    with opened(path) as found, ExitStack() as stack:
        inputs = [stack.enter_context(closing(input_)) for input_ in _inputs(found)]
        passes: list[Enriched] = []
        for number, input_ in enumerate(inputs):
            if stop is None or not stop.asked:
                passes.append(enrich_input(found, number, input_, over, progress, notice, stop or Stop()))
        return passes


def _inputs(found: Opened) -> list[Input]:
    """Every input is looked at before one is read."""
    parts = found.pipeline.inputs
    inputs: list[Input] = [framed(built("inputs", part), found.source) for part in parts]
    for number, (part, input_) in enumerate(zip(parts, inputs, strict=True)):
        scheduled(input_, number, part.use)
    return inputs


def scheduled(input_: Input, number: int, use: str) -> Scheduled:
    """The input as one that a job can come back to; raises `UsageError` where it is none."""
    if not isinstance(input_, Scheduled):
        raise UsageError(f"inputs[{number}] is {use}, which a job does not come back to; use `logsentry run` for it")
    return input_


def enrich_input(
    found: Opened, number: int, input_: Input, over: Span, progress: Progress, notice: Notice, stop: Stop
) -> Enriched:
    """One pass over one input, under the lock of its state folder."""
    use = found.pipeline.inputs[number].use
    name, folder = f"{use} {number}", Path(found.pipeline.state) / f"{number}-{use}{over.folder}"
    with Checkpoint(folder, f"{found.source.name} {name}{over.folder}") as checkpoint:
        resumed = checkpoint.load()
        seen = Seen(folder, _forgettable(input_, resumed))
        expect_repeats(found.exporters, resumed.again)
        record(
            found.exporters, describe(found.scorer, found.source.name, (name,), Books())
        )  # what a crash leaves is then known to be of this run
        scheduled(input_, number, use).between(over.since, over.until)
        work = _work(found, checkpoint, seen, over, notice, stop)
        books = work.run(input_, progress, resumed)
        if work.failure is not None and not books.read:
            raise work.failure
        told = describe(found.scorer, found.source.name, (name,), books)
        record(found.exporters, told)
    warning = " ".join(filter(None, (resumed.warning, seen.warning)))
    ended = done(work, told, Path(found.pipeline.dead_letters), warning)
    return _enriched(name, ended, input_, work.stopped, over)


def _work(found: Opened, checkpoint: Checkpoint, seen: Seen, over: Span, notice: Notice, stop: Stop) -> ScoringPass:
    return ScoringPass(
        found.source,
        found.scorer,
        found.exporters,
        DeadLetters(Path(found.pipeline.dead_letters), found.digest, found.scorer.bundle.digest),
        checkpoint,
        seen=seen,
        leave_open=not over.finished(_now()),
        silent=over.backfill,
        patience=found.pipeline.patience,
        notice=notice,
        stop=stop,
    )


def _enriched(name: str, ended: Done, input_: Input, stopped: bool, over: Span) -> Enriched:
    watermark = input_.watermark() if isinstance(input_, Scheduled) else None
    lag = None if watermark is None or over.until is not None else (_now() - watermark) / 1000
    remarks = tuple(input_.remarks()) if isinstance(input_, Remarks) else ()
    return Enriched(name, ended, watermark, lag, stopped, over.backfill, remarks)


def _forgettable(input_: Input, resumed: Resumed) -> int:
    """The time before which no record will be read again, whichever of the two generations the pass begins from."""
    if resumed.cursor is None or resumed.before is None or not isinstance(input_, Rereads):
        return ALWAYS  # one of them begins at the start, or is not there
    return min(input_.rereads_from(resumed.cursor), input_.rereads_from(resumed.before))


def _now() -> int:
    return time.time_ns() // 1_000_000
