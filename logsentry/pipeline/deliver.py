"""Hands a batch to an exporter until every item has an end: delivered, or rejected for good.

Only the items that asked for another try are sent again, after the longest wait any of them named, with growing pauses. When
the tries are used up the pass stops with `Unavailable`: nothing was settled, so the next run takes it up again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from logsentry.errors import ContractBroken, Unavailable
from logsentry.schema.score import Delivered, Outcome, Rejected, Retry, Scored
from logsentry.sdk import Exporter

TRIES = 6


def deliver(
    exporter: Exporter, batch: Sequence[Scored], pause: Callable[[float], None] = time.sleep, tries: int = TRIES
) -> list[Delivered | Rejected]:
    """The end of each item, in order. Raises `Unavailable` where some item still asks for another try after `tries`."""
    ends: list[Outcome] = _asked(exporter, batch)
    for number in range(1, tries):
        again = [at for at, outcome in enumerate(ends) if isinstance(outcome, Retry)]
        if not again:
            break
        pause(max(2.0**number / 4, *(end.after for end in ends if isinstance(end, Retry))))
        for at, outcome in zip(again, _asked(exporter, [batch[at] for at in again]), strict=True):
            ends[at] = outcome
    done = [end for end in ends if not isinstance(end, Retry)]
    if len(done) < len(ends):
        reason = next(end.reason for end in ends if isinstance(end, Retry))
        raise Unavailable(f"{len(ends) - len(done)} of {len(ends)} scores could not be delivered in {tries} tries: {reason}")
    return done


def _asked(exporter: Exporter, batch: Sequence[Scored]) -> list[Outcome]:
    outcomes = list(exporter.export(batch))
    if len(outcomes) != len(batch):
        name = type(exporter).__qualname__
        raise ContractBroken(
            f"the exporter {name} of {type(exporter).__module__} answered {len(outcomes)} outcomes for {len(batch)} scores"
        )
    return outcomes
