"""What `logsentry score` and `logsentry run` do between their options and their last line; the demo and the tests call the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec

from logsentry.errors import UsageError
from logsentry.pipeline.breaker import Notice, unnoticed
from logsentry.pipeline.build import built, framed, make_exporter, make_files, make_source
from logsentry.pipeline.checkpoint import Checkpoint, Resumed
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.deliver import PATIENCE
from logsentry.pipeline.done import Done, done
from logsentry.pipeline.finding import find_bundle, source_for
from logsentry.pipeline.opening import Opened, opened, scorer_options
from logsentry.pipeline.runs import describe, expect_repeats, record
from logsentry.pipeline.scoring import ScoringPass
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books, Run
from logsentry.scoring.scorer import Scorer
from logsentry.sdk import Exporter, Input, Progress, Scheduled, Source


class Job(msgspec.Struct, frozen=True):
    """One pass: what is read, who scores it, where scores go, and what a person calls the inputs.

    `config` is the digest of the configuration, `patience` how long an exporter may take nothing, and `notice` hears when that begins and
    ends. `stop` is asked when the pass is to end.
    """

    source: Source
    input: Input
    inputs: tuple[str, ...]
    scorer: Scorer
    exporters: tuple[Exporter, ...]
    dead_letters: Path
    state: Path | None
    config: str = ""
    patience: float = PATIENCE
    notice: Notice = unnoticed
    stop: Stop | None = None


def score_files(
    reference: str,
    paths: Sequence[str],
    to: Sequence[str],
    source_name: str | None,
    store: Path,
    options: Mapping[str, Any],
    dead_letters: Path,
    state: Path | None,
    progress: Progress,
    notice: Notice = unnoticed,
    stop: Stop | None = None,
) -> Done:
    """Score files with a bundle into every exporter of `to`.

    Raises `BundleRefused` where the bundle is damaged or for another source, `UsageError` and `InputError` before anything is read.
    """
    bundle = find_bundle(reference, store)
    source = make_source(source_for(bundle, source_name))
    with ExitStack() as stack:
        input_ = stack.enter_context(closing(make_files(paths, source)))
        exporters = [stack.enter_context(closing(make_exporter(address, resumed=state is not None))) for address in to]
        scorer = Scorer(bundle, scorer_options(options))
        job = Job(source, input_, tuple(paths), scorer, tuple(exporters), dead_letters, state, notice=notice, stop=stop)
        return run(job, progress)


def run_config(path: Path, progress: Progress, notice: Notice = unnoticed, stop: Stop | None = None) -> list[Done]:
    """Score every input of a configuration to its end, one after another, each with a checkpoint of its own.

    Raises what `opened` and `run` raise. Inputs after the one that was stopped are left for the next run.
    """
    told: list[Done] = []
    with opened(path) as found:
        for number, part in enumerate(found.pipeline.inputs):
            if stop is not None and stop.asked:
                break
            with closing(framed(built("inputs", part), found.source)) as input_:
                if isinstance(input_, Scheduled):
                    raise UsageError(f"the input {part.use} grows while it is read: `logsentry enrich {path}` reads it in passes")
                told.append(run(_job(found, number, input_, notice, stop), progress))
    return told


def _job(found: Opened, number: int, input_: Input, notice: Notice, stop: Stop | None) -> Job:
    pipeline, use = found.pipeline, found.pipeline.inputs[number].use
    return Job(
        found.source,
        input_,
        (f"{use} {number}",),
        found.scorer,
        found.exporters,
        Path(pipeline.dead_letters),
        Path(pipeline.state) / f"{number}-{use}",
        found.digest,
        pipeline.patience,
        notice,
        stop,
    )


def run(job: Job, progress: Progress) -> Done:
    """Score one input."""
    with ExitStack() as stack:
        owner = f"{job.source.name} {' '.join(job.inputs)}"
        checkpoint = None if job.state is None else stack.enter_context(Checkpoint(job.state, owner))
        work = _work(job, checkpoint)
        record(job.exporters, _told(job, Books()))  # what a crash leaves is then known to be of this run
        resumed = Resumed() if checkpoint is None else checkpoint.load()
        expect_repeats(job.exporters, resumed.again or checkpoint is None)  # without state nobody knows what was stored before
        books = work.run(job.input, progress, resumed)
        if work.failure is not None and not books.read:
            raise work.failure  # nothing was read, so there is nothing else to tell
        told = _told(job, books)
        record(job.exporters, told)
    return done(work, told, job.dead_letters, resumed.warning, _stopped(work, checkpoint))


def _work(job: Job, checkpoint: Checkpoint | None) -> ScoringPass:
    return ScoringPass(
        job.source,
        job.scorer,
        job.exporters,
        DeadLetters(job.dead_letters, job.config, job.scorer.bundle.digest),
        checkpoint,
        patience=job.patience,
        notice=job.notice,
        stop=job.stop,
    )


def _told(job: Job, books: Books) -> Run:
    return describe(job.scorer, job.source.name, job.inputs, books)


def _stopped(work: ScoringPass, checkpoint: Checkpoint | None) -> str:
    if not work.stopped:
        return ""
    then = "; the next run goes on from here" if checkpoint else ", so the input was not read to its end"
    return "it was asked to stop" + then
