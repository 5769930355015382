"""What a scheduled job would store, shown on its first windows: nothing is written, no state is read or kept, no exporter is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from logsentry.pipeline.build import built, framed
from logsentry.pipeline.enrich import scheduled
from logsentry.pipeline.finding import find_bundle, source_for
from logsentry.pipeline.opening import scorer_options
from logsentry.pipeline.scoring import ScoringPass
from logsentry.pipeline.span import Span
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books
from logsentry.schema.record import Record
from logsentry.schema.score import Delivered, Outcome, Scored
from logsentry.scoring.scorer import Scorer
from logsentry.sdk import Progress, Source

SHOWN = 10


class Shown(msgspec.Struct):
    """Takes scores like an exporter, shows the first of them, and asks the pass to stop then."""

    show: Callable[[dict[str, Any]], None]
    stop: Stop
    left: int = SHOWN
    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        for item in batch[: self.left]:
            self.show(shown(item))
        self.left -= min(self.left, len(batch))
        if not self.left:
            self.stop.asked = True
        return [Delivered()] * len(batch)

    def close(self) -> None:
        """It holds nothing."""


class _Nowhere:
    """Takes the place of the dead letters."""

    def write(self, record: Record, source: str, reason: str, *, status: int = 0, error: str = "", score: str = "") -> None:
        """The books count it."""

    def flush(self) -> None:
        """Nothing waits."""


def shown(item: Scored) -> dict[str, Any]:
    """The line that `logsentry score` writes, with the documents that were scored where a score's own document has them."""
    where = {"index": [address.index for address in item.addresses], "id": [address.id for address in item.addresses]}
    return {**item.document(), **({"logsentry": {"source": where}} if item.addresses else {})}


def dry_run(path: Path, over: Span, show: Callable[[dict[str, Any]], None], progress: Progress) -> Books:
    """Show the first `SHOWN` scores of the first input; answers the books of what was read for them.

    Raises what `enrich_config` raises for a configuration that cannot be.
    """
    from logsentry.config import load  # YAML, which nothing else of this module needs

    pipeline = load(path)
    bundle = find_bundle(pipeline.bundle.name, Path(pipeline.bundle.store))
    source_for(bundle, pipeline.source.use)
    source: Source = built("sources", pipeline.source)
    options = {**msgspec.structs.asdict(pipeline.scoring), "alerts_per_day": pipeline.alerts.per_day}
    scorer, stop = Scorer(bundle, scorer_options(options)), Stop()
    with closing(framed(built("inputs", pipeline.inputs[0]), source)) as input_:
        scheduled(input_, 0, pipeline.inputs[0].use).between(over.since, over.until)
        work = ScoringPass(source, scorer, [Shown(show, stop)], _Nowhere(), leave_open=True, stop=stop)
        books = work.run(input_, progress)
    if work.failure is not None:
        raise work.failure
    return books
