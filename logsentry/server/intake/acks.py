"""Acknowledgements of Splunk's HTTP Event Collector: which requests of a channel are done, asked for by number.

A number is given with the answer to a request, and True is told once. A channel that nobody asks about for long is forgotten, as is
everything when the server ends; a client that hears no True in time sends again.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from secrets import randbits

import msgspec

MOST_CHANNELS = 1000
MOST_WAITING = 100_000
"""Numbers of one channel that were not asked for yet; past it the oldest is forgotten."""

IDLE_SECONDS = 3600.0


class _Channel(msgspec.Struct):
    used: float
    left: OrderedDict[int, int] = msgspec.field(default_factory=OrderedDict)
    """{number: records that have not ended}"""
    given: int = 0


class Acks:
    """Called from the event loop, but for `ended`, which is the forwarder's thread's."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, threading.Lock()
        self._channels: OrderedDict[str, _Channel] = OrderedDict()
        self._requests: dict[int, tuple[str, int]] = {}
        self._next = randbits(62)  # records of an earlier server carry its numbers, which are to mean nothing to this one

    def expect(self, channel: str, records: int) -> tuple[int, int]:
        """(what the client is told, what its records carry), for a request whose records have to end before it is acknowledged."""
        with self._lock:
            found = self._channel(channel)
            number, found.given = found.given, found.given + 1
            found.left[number] = records
            if len(found.left) > MOST_WAITING:
                found.left.popitem(last=False)
            self._next += 1
            if records:
                self._requests[self._next] = (channel, number)
            return number, self._next

    def withdraw(self, channel: str, number: int, request: int) -> None:
        """The request was refused after all."""
        with self._lock:
            self._requests.pop(request, None)
            if channel in self._channels:
                self._channels[channel].left.pop(number, None)

    def ended(self, requests: Sequence[int]) -> None:
        """A record of each of these has ended, on disk."""
        with self._lock:
            for request in requests:
                channel, number = self._requests.get(request, ("", -1))
                found = self._channels.get(channel)
                if found is None or number not in found.left:
                    self._requests.pop(request, None)
                    continue
                found.left[number] -= 1
                if found.left[number] == 0:
                    del self._requests[request]

    def asked(self, channel: str, numbers: Sequence[int]) -> dict[str, bool]:
        """True for what is done, which is forgotten then; False for what is not, or is not known."""
        with self._lock:
            left = self._channel(channel).left
            done = {number for number in numbers if left.get(number, -1) == 0}
            for number in done:
                del left[number]
            return {str(number): number in done for number in numbers}

    def _channel(self, name: str) -> _Channel:
        now = self._now()
        found = self._channels.setdefault(name, _Channel(now))
        found.used = now
        self._channels.move_to_end(name)
        oldest = next(iter(self._channels))
        if len(self._channels) > MOST_CHANNELS or now - self._channels[oldest].used > IDLE_SECONDS:
            gone = self._channels.pop(oldest)
            self._requests = {request: at for request, at in self._requests.items() if at[0] != oldest or not gone.left}
        return found
