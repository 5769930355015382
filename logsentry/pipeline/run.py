"""Everything that `logsentry score` does between its options and its last line; the demo and the tests call the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from logsentry.errors import ConfigError, InputError, UsageError
from logsentry.pipeline.build import built, framed, make_exporter, make_files, make_source
from logsentry.pipeline.checkpoint import Checkpoint, Resumed
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.finding import find_bundle, source_for
from logsentry.pipeline.scoring import ScoringPass
from logsentry.schema.books import Books, Run
from logsentry.schema.profile import Profile
from logsentry.scoring.conformal import smallest_budget
from logsentry.scoring.scorer import Options, Scorer
from logsentry.sdk import Exporter, Input, Progress, Source
from logsentry.store.verified import Bundle


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

    def sentences(self) -> list[str]:
        """What a person wants to know before the books."""
        told = [self.warning] if self.warning else []
        told += [
            f"{self.windows:,} windows scored by {self.run.detector}, {self.alerts:,} at or above the threshold {self.run.threshold:.4g}"
        ]
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
    """One pass: a bundle, what is read, where scores go, and what a person calls the inputs."""

    bundle: Bundle
    source: Source
    input: Input
    inputs: tuple[str, ...]
    exporters: tuple[Exporter, ...]
    options: Options
    dead_letters: Path
    state: Path | None


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
) -> Done:
    """Score files with a bundle into every exporter of `to`.

    Raises `BundleRefused` where the bundle is damaged or for another source, `UsageError` and `InputError` before anything is read.
    """
    bundle = find_bundle(reference, store)
    source = make_source(source_for(bundle, source_name))
    with ExitStack() as stack:
        input_ = stack.enter_context(closing(make_files(paths, source)))
        exporters = [stack.enter_context(closing(make_exporter(address, resumed=state is not None))) for address in to]
        chosen = scorer_options(options)
        return run(Job(bundle, source, input_, tuple(paths), tuple(exporters), chosen, dead_letters, state), progress)


def run_config(path: Path, progress: Progress) -> list[Done]:
    """Score every input of a configuration to its end, one after another, each with a checkpoint of its own.

    Raises `ConfigError` where the file is wrong, or asks for another profile than the bundle was trained with.
    """
    from logsentry.config import load  # YAML, which `score` has no use for, is a tenth of its start

    pipeline = load(path)
    bundle = find_bundle(pipeline.bundle.name, Path(pipeline.bundle.store))
    source_for(bundle, pipeline.source.use)
    source: Source = built("sources", pipeline.source)
    options = {**msgspec.structs.asdict(pipeline.scoring), "alerts_per_day": pipeline.alerts.per_day}
    done = []
    with ExitStack() as stack:
        exporters = tuple(stack.enter_context(closing(built("exporters", part))) for part in pipeline.exporters)
        for number, part in enumerate(pipeline.inputs):
            input_ = framed(stack.enter_context(closing(built("inputs", part))), source)
            named = (f"{part.use} {number}",)
            state = Path(pipeline.state) / f"{number}-{part.use}"
            job = Job(bundle, source, input_, named, exporters, scorer_options(options), Path(pipeline.dead_letters), state)
            done.append(run(job, progress, pipeline.source.profile))
    return done


def run(job: Job, progress: Progress, profile: Profile | None = None) -> Done:
    """Score one input; `profile` is what the operator says the source's profile is, where he says so."""
    with ExitStack() as stack:
        owner = f"{job.source.name} {' '.join(job.inputs)}"
        checkpoint = None if job.state is None else stack.enter_context(Checkpoint(job.state, owner))
        scorer = Scorer(job.bundle, job.options)
        if profile not in (None, scorer.keys.profile):
            raise ConfigError(
                f"{job.bundle.reference} was trained with another profile of {job.source.name}; train again with this one"
            )
        work = ScoringPass(job.source, scorer, job.exporters, DeadLetters(job.dead_letters), checkpoint)
        record(
            job.exporters, describe(scorer, job.source.name, job.inputs, Books())
        )  # what a crash leaves is then known to be of this run
        resumed = Resumed() if checkpoint is None else checkpoint.load()
        books = work.run(job.input, progress, resumed.cursor, resumed.ahead)
        if work.failure is not None and not books.read:
            raise work.failure  # nothing was read, so there is nothing else to tell
        told = describe(scorer, job.source.name, job.inputs, books)
        record(job.exporters, told)
    least = smallest_budget(scorer.calibration.held_back(scorer.options.vote), scorer.calibration.windows_per_day)
    return Done(told, work.tally.windows, work.tally.alerts, work.failure, least, job.dead_letters, resumed.warning)


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
