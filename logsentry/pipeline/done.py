"""How a pass ended, for the person who started it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from logsentry.errors import InputError
from logsentry.pipeline.scoring import ScoringPass
from logsentry.reports.wording import attainable, number
from logsentry.schema.books import Run


class Done(msgspec.Struct, frozen=True):
    """How a pass ended."""

    run: Run
    windows: int
    alerts: int
    failure: InputError | None
    dead_letters: Path
    warning: str = ""
    stopped: str = ""

    def sentences(self) -> list[str]:
        """What a person wants to know before the books."""
        run, limit = self.run, number(self.run.threshold)
        told = [self.warning] if self.warning else []
        told += [f"{self.windows:,} windows scored by {run.detector}, {self.alerts:,} at or above the threshold {limit}"]
        told += [self.stopped] if self.stopped else []
        if run.threshold == float("-inf"):
            told.append(
                f"every window alerts, since ordinary logs had no more windows a day than the budget of {run.alerts_per_day:g}; give a "
                "smaller one with --alerts-per-day"
            )
        if run.alerts_per_day < run.attainable:
            told.append(
                f"the {run.calibrated_on:,} held-back windows can vouch for no fewer than {attainable(run.attainable)} false alerts "
                f"a day: a budget of {run.alerts_per_day:g} alerts only on windows stranger than all of them"
            )
        return told


def done(work: ScoringPass, run: Run, dead_letters: Path, warning: str, stopped: str = "") -> Done:
    """What there is to tell of `work`, which has ended."""
    return Done(run, work.tally.windows, work.tally.alerts, work.failure, dead_letters, warning, stopped)
