"""What exporters are told of a pass beside its scores: that it begins, how its books ended, and whether scores may come again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol, runtime_checkable

from logsentry.schema.books import Books, Run
from logsentry.scoring.conformal import smallest_budget
from logsentry.scoring.scorer import Scorer
from logsentry.sdk import Exporter, MayRepeat


@runtime_checkable
class KeepsRuns(Protocol):
    """An exporter that also keeps what each pass did, for the report."""

    def record_run(self, run: Run) -> None: ...


def describe(scorer: Scorer, source: str, paths: Sequence[str], books: Books) -> Run:
    """The pass as the report shows it; the same detector over the same paths has the same id, as long as it judges in the same way."""
    budget = scorer.options.alerts_per_day or scorer.calibration.alerts_per_day
    held_back = scorer.calibration.held_back(scorer.options.vote)
    told = [scorer.bundle.digest, scorer.options.vote, repr(scorer.threshold.value), *sorted(paths)]
    return Run(
        id=blake2b("\0".join(told).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest(),
        source=source,
        detector=scorer.bundle.reference,
        inputs=tuple(paths),
        threshold=scorer.threshold.value,
        calibrated_on=len(held_back),
        alerts_per_day=budget,
        books=books,
        attainable=smallest_budget(held_back, scorer.calibration.windows_per_day),
    )


def record(exporters: Sequence[Exporter], run: Run) -> None:
    for exporter in exporters:
        if isinstance(exporter, KeepsRuns):
            exporter.record_run(run)


def expect_repeats(exporters: Sequence[Exporter], on: bool) -> None:
    """Tell those exporters that want to know whether scores may come a second time."""
    for exporter in exporters:
        if isinstance(exporter, MayRepeat):
            exporter.expect_repeats(on)
