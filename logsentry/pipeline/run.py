"""Everything that `logsentry score` does between its options and its last line; the demo and the tests call the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from logsentry.errors import BundleRefused, InputError, UsageError
from logsentry.pipeline.build import make_exporter, make_files, make_source
from logsentry.pipeline.checkpoint import Checkpoint, Resumed
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.scoring import ScoringPass
from logsentry.schema.books import Books, Run
from logsentry.scoring.conformal import smallest_budget
from logsentry.scoring.scorer import Options, Scorer
from logsentry.scoring.session import replay
from logsentry.sdk import Progress
from logsentry.store.bundles import Bundle, locate, read

DEMO_BUNDLE = Path(__file__).parent.parent / "demo" / "bundle"


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
    warning: str = ""

    def sentences(self) -> list[str]:
        """What a person wants to know before the books."""
        told = [self.warning] if self.warning else []
        told += [f"{self.windows:,} windows scored by {self.run.detector}, {self.alerts:,} at or above the threshold {self.run.threshold:.4g}"]
        if self.run.alerts_per_day < self.attainable:
            told.append(
                f"the {self.run.calibrated_on:,} held-back windows can vouch for no fewer than {self.attainable:.3g} false alerts a day: "
                f"a budget of {self.run.alerts_per_day:g} alerts only on windows stranger than all of them"
            )
        return told


def find_bundle(reference: str, store: Path) -> Bundle:
    """A bundle by reference; `demo` is the one that comes with the package, unless the store has one of that name."""
    if reference == "demo" and not (store / "names" / "demo.json").exists() and not Path("demo", "manifest.json").exists():
        return read(DEMO_BUNDLE, "demo")
    return locate(reference, store)


def verify_bundle(reference: str, store: Path) -> str:
    """One sentence on a bundle whose hashes, graph, keys, calibration and probe all hold; raises `BundleRefused` else."""
    bundle = find_bundle(reference, store)
    scorer = Scorer(bundle)
    probe = replay(scorer.session, bundle.files["probe.npz"], bundle.reference)
    return (
        f"{bundle.reference} is whole: {len(bundle.files)} files match their hashes, the graph answers its probe as torch did "
        f"(largest difference {probe:.1e}), {len(scorer.calibration.held_back('majority')):,} held-back windows set its thresholds"
    )


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
    if source_name not in (None, bundle.manifest.source):
        raise BundleRefused(f"{bundle.reference} was trained on {bundle.manifest.source}; it says nothing about {source_name}")
    source = make_source(bundle.manifest.source)
    with ExitStack() as stack:
        input_ = stack.enter_context(closing(make_files(paths, source)))
        checkpoint = None if state is None else stack.enter_context(Checkpoint(state, f"score {source.name}"))
        scorer = Scorer(bundle, scorer_options(options))
        exporters = [stack.enter_context(closing(make_exporter(address))) for address in to]
        dead = DeadLetters(dead_letters)
        work = ScoringPass(source, scorer, exporters, dead, checkpoint)
        resumed = Resumed() if checkpoint is None else checkpoint.load()
        books = work.run(input_, progress, resumed.cursor)
        run = describe(scorer, paths, books)
        for exporter in exporters:
            if isinstance(exporter, KeepsRuns):
                exporter.record_run(run)
    least = smallest_budget(scorer.calibration.held_back(scorer.options.vote), scorer.calibration.windows_per_day)
    return Done(run, work.tally.windows, work.tally.alerts, work.failure, least, resumed.warning)


def scorer_options(options: Mapping[str, Any]) -> Options:
    try:
        return msgspec.convert(dict(options), Options)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error


def describe(scorer: Scorer, paths: Sequence[str], books: Books) -> Run:
    """The pass as the report shows it; the same detector over the same paths has the same id."""
    budget = scorer.options.alerts_per_day or scorer.calibration.alerts_per_day
    digest = blake2b("\0".join([scorer.bundle.digest, *sorted(paths)]).encode("utf-8", "surrogateescape"), digest_size=16)
    return Run(
        id=digest.hexdigest(),
        source=scorer.bundle.manifest.source,
        detector=scorer.bundle.reference,
        inputs=tuple(paths),
        threshold=scorer.threshold.value,
        calibrated_on=len(scorer.calibration.held_back(scorer.options.vote)),
        alerts_per_day=budget,
        books=books,
    )
