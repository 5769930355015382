"""Waiting until indexers have what was sent, where the token of the collector offers that ("indexer acknowledgement").

Without it a 200 only means that the events were well-formed. The server keeps an answer until it was asked for, and forgets all of
a channel that is idle for long; what is not acknowledged in time is sent again, which may double it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from logsentry.sdk import Delivered, Outcome, Retry, UsageError
from logsentry_splunk.connection import Broken, Collector, SplunkConfig

FIRST_SECONDS, LAST_SECONDS = 0.05, 10.0
"""Between two questions: twice as long each time."""


class Acknowledgements:
    """What was sent in one `export` and is not known to be indexed yet."""

    def __init__(self, collector: Collector, config: SplunkConfig) -> None:
        self._collector, self._config = collector, config
        self._open: dict[int, list[int]] = {}

    def expect(self, ack: int, items: Iterable[int]) -> None:
        """These places in the batch were sent with this acknowledgement to come."""
        self._open[ack] = list(items)

    def missing(self) -> None:
        """Called where a 200 came without an acknowledgement. Raises `UsageError` where the configuration insists on one."""
        if self._config.acknowledge == "on":
            raise UsageError(
                f"the token of {self._collector.named} has no indexer acknowledgement; turn it on in Splunk, or set acknowledge: auto"
            )

    def settled(self) -> dict[int, Outcome]:
        """Wait for all that is open; what is not acknowledged after `wait` seconds is to be sent again."""
        ends: dict[int, Outcome] = {}
        if self._config.acknowledge == "off":
            ends = {at: Delivered() for items in self._open.values() for at in items}
            self._open = {}
            return ends
        deadline, pause = time.monotonic() + self._config.wait, FIRST_SECONDS
        while self._open:
            ends |= self._asked()
            if self._open and time.monotonic() + pause > deadline:
                late = Retry(f"{self._collector.named} did not acknowledge in {self._config.wait:g} seconds", 0.0)
                ends |= {at: late for items in self._open.values() for at in items}
                self._open = {}
            if self._open:
                time.sleep(pause)
                pause = min(2 * pause, LAST_SECONDS)
        return ends

    def _asked(self) -> dict[int, Outcome]:
        """What has been indexed since; a question that fails is asked again, since the events are there already."""
        try:
            answer = self._collector.acknowledged(list(self._open))
        except Broken:
            return {}
        indexed = [ack for ack in list(self._open) if answer.acks.get(str(ack))]
        return {at: Delivered() for ack in indexed for at in self._open.pop(ack)}
