"""How a pass ended, for the person who started it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from logsentry.errors import InputError
from logsentry.pipeline.scoring import ScoringPass
from logsentry.schema.books import Run
from logsentry.scoring.conformal import smallest_budget
from logsentry.scoring.scorer import Scorer


class Done(msgspec.Struct, frozen=True):
    """How a pass ended. `attainable` is the fewest false alerts a day that the calibration can vouch for."""

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


def done(scorer: Scorer, work: ScoringPass, run: Run, dead_letters: Path, warning: str, stopped: str = "") -> Done:
    """What there is to tell of `work`, which has ended."""
    calibration = scorer.calibration
    least = smallest_budget(calibration.held_back(scorer.options.vote), calibration.windows_per_day)
    return Done(run, work.tally.windows, work.tally.alerts, work.failure, least, dead_letters, warning, stopped)
