"""Everything that `logsentry score` does between its options and its last line; the demo and the tests call the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from logsentry.errors import ConfigError, InputError, UsageError
from logsentry.pipeline.breaker import Notice, unnoticed
from logsentry.pipeline.build import built, framed, make_exporter, make_files, make_source
from logsentry.pipeline.checkpoint import Checkpoint, Resumed
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.deliver import PATIENCE
from logsentry.pipeline.finding import find_bundle, source_for
from logsentry.pipeline.scoring import ScoringPass
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books, Run
from logsentry.scoring.conformal import smallest_budget
from logsentry.scoring.scorer import Options, Scorer
from logsentry.sdk import Exporter, Input, MayRepeat, Progress, Scheduled, Source

if TYPE_CHECKING:
    from logsentry.config import Forward, Pipeline


@runtime_checkable
class KeepsRuns(Protocol):
    """An exporter that also keeps what each pass did, for the report."""

    def record_run(self, run: Run) -> None: ...


class Done(msgspec.Struct, frozen=True):
    """How a pass ended."""

    run: Run
    windows: int
    alerts: int
    failure: InputError | None
    attainable: float
    dead_letters: Path
    warning: str = ""
    stopped: str = ""

    def sentences(self) -> list[str]:
        """What a person wants to know before the books."""
        told = [self.warning] if self.warning else []
        told += [
            f"{self.windows:,} windows scored by {self.run.detector}, {self.alerts:,} at or above the threshold {self.run.threshold:.4g}"
        ]
        told += [self.stopped] if self.stopped else []
        if self.run.alerts_per_day < self.attainable:
            told.append(
                f"the {self.run.calibrated_on:,} held-back windows can vouch for no fewer than {self.attainable:.3g} false alerts a day: "
                f"a budget of {self.run.alerts_per_day:g} alerts only on windows stranger than all of them"
            )
        return told


def verify_bundle(reference: str, store: Path) -> str:
    """One sentence on a bundle whose hashes, graph, keys, calibration and probe all hold; raises `BundleRefused` else."""
    bundle = find_bundle(reference, store)
    scorer = Scorer(bundle)
    return (
        f"{bundle.reference} is whole: {len(bundle.files)} files match their hashes, it answers its probe as in training "
        f"(largest difference {scorer.difference:.1e}), {len(scorer.calibration.held_back('majority')):,} held-back windows "
        "set its thresholds"
    )


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


class Parts(msgspec.Struct, frozen=True):
    """What a configuration names but for its inputs, ready to work. `digest` is of the configuration that is in force, without its
    secrets."""

    source: Source
    scorer: Scorer
    exporters: tuple[Exporter, ...]
    digest: str


class Opened(msgspec.Struct, frozen=True):
    """The same with the configuration itself."""

    pipeline: Pipeline
    source: Source
    scorer: Scorer
    exporters: tuple[Exporter, ...]
    digest: str


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Read a configuration and open its parts but for the inputs; the exporters are closed at the end.

    Raises `ConfigError` where the file is wrong, and what `parts` raises.
    """
    from logsentry.config import load  # YAML, which `score` has no use for, is a tenth of its start

    pipeline = load(path)
    with parts(pipeline) as found:
        yield Opened(pipeline, found.source, found.scorer, found.exporters, found.digest)


@contextmanager
def parts(config: Pipeline | Forward) -> Iterator[Parts]:
    """Raises `ConfigError` for another profile than the bundle was trained with, and `BundleRefused`."""
    from logsentry.config import show

    bundle = find_bundle(config.bundle.name, Path(config.bundle.store))
    source_for(bundle, config.source.use)
    source: Source = built("sources", config.source)
    options = {**msgspec.structs.asdict(config.scoring), "alerts_per_day": config.alerts.per_day}
    digest = blake2b(show(config).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    with ExitStack() as stack:
        exporters = tuple(stack.enter_context(closing(built("exporters", part))) for part in config.exporters)
        scorer = Scorer(bundle, scorer_options(options))
        if config.source.profile not in (None, scorer.keys.profile):
            raise ConfigError(f"{bundle.reference} was trained with another profile of {source.name}; train again with this one")
        yield Parts(source, scorer, exporters, digest)


def run_config(path: Path, progress: Progress, notice: Notice = unnoticed, stop: Stop | None = None) -> list[Done]:
    """Score every input of a configuration to its end, one after another, each with a checkpoint of its own.

    Raises what `opened` and `run` raise. Inputs after the one that was stopped are left for the next run.
    """
    done: list[Done] = []
    with opened(path) as found:
        pipeline = found.pipeline
        for number, part in enumerate(pipeline.inputs):
            if stop is not None and stop.asked:
                break
            with closing(framed(built("inputs", part), found.source)) as input_:
                if isinstance(input_, Scheduled):
                    raise UsageError(f"the input {part.use} grows while it is read: `logsentry enrich {path}` reads it in passes")
                job = Job(
                    found.source,
                    input_,
                    (f"{part.use} {number}",),
                    found.scorer,
                    found.exporters,
                    Path(pipeline.dead_letters),
                    Path(pipeline.state) / f"{number}-{part.use}",
                    found.digest,
                    pipeline.patience,
                    notice,
                    stop,
                )
                done.append(run(job, progress))
    return done


def run(job: Job, progress: Progress) -> Done:
    """Score one input."""
    scorer = job.scorer
    with ExitStack() as stack:
        owner = f"{job.source.name} {' '.join(job.inputs)}"
        checkpoint = None if job.state is None else stack.enter_context(Checkpoint(job.state, owner))
        dead = DeadLetters(job.dead_letters, job.config, scorer.bundle.digest)
        work = ScoringPass(
            job.source,
            scorer,
            job.exporters,
            dead,
            checkpoint,
            patience=job.patience,
            notice=job.notice,
            stop=job.stop,
        )
        record(
            job.exporters, describe(scorer, job.source.name, job.inputs, Books())
        )  # what a crash leaves is then known to be of this run
        resumed = Resumed() if checkpoint is None else checkpoint.load()
        expect_repeats(job.exporters, resumed.again or checkpoint is None)  # without state nobody knows what was stored before
        books = work.run(job.input, progress, resumed.cursor, resumed.ahead)
        if work.failure is not None and not books.read:
            raise work.failure  # nothing was read, so there is nothing else to tell
        told = describe(scorer, job.source.name, job.inputs, books)
        record(job.exporters, told)
    least = smallest_budget(scorer.calibration.held_back(scorer.options.vote), scorer.calibration.windows_per_day)
    stopped = ""
    if work.stopped:
        stopped = "it was asked to stop" + (
            "; the next run goes on from here" if checkpoint else ", so the input was not read to its end"
        )
    tally = work.tally
    return Done(told, tally.windows, tally.alerts, work.failure, least, job.dead_letters, resumed.warning, stopped)


def expect_repeats(exporters: Sequence[Exporter], on: bool) -> None:
    """Tell those exporters that want to know whether scores may come a second time."""
    for exporter in exporters:
        if isinstance(exporter, MayRepeat):
            exporter.expect_repeats(on)


def record(exporters: Sequence[Exporter], run: Run) -> None:
    for exporter in exporters:
        if isinstance(exporter, KeepsRuns):
            exporter.record_run(run)


def scorer_options(options: Mapping[str, Any]) -> Options:
    try:
        return msgspec.convert(dict(options), Options)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error


def describe(scorer: Scorer, source: str, paths: Sequence[str], books: Books) -> Run:
    """The pass as the report shows it; the same detector over the same paths has the same id."""
    budget = scorer.options.alerts_per_day or scorer.calibration.alerts_per_day
    digest = blake2b("\0".join([scorer.bundle.digest, *sorted(paths)]).encode("utf-8", "surrogateescape"), digest_size=16)
    return Run(
        id=digest.hexdigest(),
        source=source,
        detector=scorer.bundle.reference,
        inputs=tuple(paths),
        threshold=scorer.threshold.value,
        calibrated_on=len(scorer.calibration.held_back(scorer.options.vote)),
        alerts_per_day=budget,
        books=books,
    )
