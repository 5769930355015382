"""The books of one run: every record that was read ends exactly once."""

from __future__ import annotations

import msgspec


class Books(msgspec.Struct, frozen=True):
    """Counts of records. `scored` were delivered now, `duplicate` had been delivered before by an equal run.

    `open` are records that were read and have no end yet: a later pass reads them again.
    """

    read: int = 0
    scored: int = 0
    duplicate: int = 0
    filtered: int = 0
    dead_lettered: int = 0
    open: int = 0

    @property
    def balanced(self) -> bool:
        return self.read == self.scored + self.duplicate + self.filtered + self.dead_lettered + self.open

    def sentence(self) -> str:
        """`read 1,000 = scored 990 + filtered 8 + dead-lettered 2`"""
        parts = [
            ("scored", self.scored),
            ("duplicate", self.duplicate),
            ("filtered", self.filtered),
            ("dead-lettered", self.dead_lettered),
            ("open", self.open),
        ]
        shown = [f"{name} {count:,}" for name, count in parts if count or name not in ("duplicate", "open")]
        return f"read {self.read:,} {'=' if self.balanced else '≠'} {' + '.join(shown)}"


class Run(msgspec.Struct, frozen=True):
    """One pass over some inputs with one detector under one threshold. `id` is a digest of these, so that the same pass again replaces it.

    `attainable` is the fewest false alerts a day that the calibration can vouch for, 0 where nobody told.
    """

    id: str
    source: str
    detector: str
    inputs: tuple[str, ...]
    threshold: float
    calibrated_on: int
    alerts_per_day: float
    books: Books
    attainable: float = 0.0
