"""When to stop sending batches to a place that takes nothing, and how long to wait before asking it again.

Failures in a row open the breaker; from then on one item at a time is the question whether the place takes things again, after
waits that double from one second to a minute, with equal jitter (half of each wait is drawn, so that many senders do not knock
together: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015). It neither sleeps nor sends: `deliver.py` does.
"""

from __future__ import annotations

import random
from collections.abc import Callable

FAILURES = 3
"""Answers in a row that let nothing pass, until the breaker opens: one broken connection is no alarm, and five would be late."""

SHORTEST, LONGEST = 1.0, 60.0
"""Seconds between two questions while it is open, the first and the last of them."""

Notice = Callable[[str, bool, str], None]
"""`notice(place, open, sentence)`: called when a breaker opens and when it closes; for the person, and for metrics."""


def unnoticed(place: str, is_open: bool, sentence: str) -> None:
    """Nobody is told."""


class Breaker:
    """Whether one place takes anything. `open` is "no"."""

    def __init__(self, place: str, notice: Notice = unnoticed, chance: random.Random | None = None) -> None:
        self._place, self._notice = place, notice
        self._chance = chance or random.Random()
        self._failures = 0
        self.open = False

    def failed(self, reason: str) -> None:
        """Nothing passed, for a reason that lies with the place and not with an item."""
        self._failures += 1
        if not self.open and self._failures >= FAILURES:
            self.open = True
            self._notice(
                self._place,
                True,
                f"{self._place} takes nothing, and is asked again until it does; nothing is lost meanwhile: {reason}",
            )

    def passed(self) -> None:
        """Something passed, or was refused for good, which is an answer too."""
        self._failures = 0
        if self.open:
            self.open = False
            self._notice(self._place, False, f"{self._place} takes scores again")

    def wait(self) -> float:
        """Seconds until the next try."""
        number = self._failures - FAILURES if self.open else self._failures - 1
        whole = min(LONGEST, SHORTEST * 2.0 ** min(max(number, 0), 16))
        return whole / 2 + self._chance.uniform(0, whole / 2)
