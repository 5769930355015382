"""What a budget of alerts a day comes to where the files are excerpts, in sentences for who trains; the calibration is for others.

Files at hand seldom are a whole week of one place. Windows of recordings that lie years apart come to one or two a day, so that the usual
budget allows more alerts than there are windows, and everything would alert without a word.
"""

from __future__ import annotations

from logsentry.scoring.calibration import Calibration
from logsentry.scoring.conformal import share_of, smallest_budget

MOST = 0.1
"""A share of benign windows beyond which a budget is more likely a mistake than a wish."""
WISHED = 0.01
"""The share for which the budget is told in its place."""


def too_wide(calibration: Calibration, called: str = "benign") -> list[str]:
    """One sentence where the budget lets many windows of the training's kind alert, or all of them; `called` is what they are."""
    rate, budget = calibration.windows_per_day, calibration.alerts_per_day
    share = share_of(budget, rate)
    if share <= MOST:
        return []
    return [
        f"the {called} windows come to {rate:.3g} a day over the time that they span, so {budget:g} false alerts a day let {share:.0%} "
        f"of them alert; where the files are excerpts, choose by share: --alerts-per-day {WISHED * rate:.3g} is {WISHED:.0%}"
    ]


def sentences(calibration: Calibration) -> list[str]:
    """For who trains on labels; none where held-back windows can vouch for the budget and it lets few of them alert."""
    rate, budget, held_back = calibration.windows_per_day, calibration.alerts_per_day, calibration.held_back("majority")
    if told := too_wide(calibration):
        return told
    if budget < (least := smallest_budget(held_back, rate)):
        return [
            f"{len(held_back):,} benign windows held back can vouch for no fewer than {least:.3g} false alerts a day, and you asked for "
            f"{budget:g}: only windows stranger than all of them will alert; give more benign files for a finer threshold"
        ]
    return []
