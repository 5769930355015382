"""Bundles that were refused, each tried again after a pause that doubles: it may still be being copied."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

LONGEST_PAUSE = 60.0
"""Seconds between two tries."""


class _Refused(msgspec.Struct, frozen=True):
    digest: str
    pause: float
    again: float


class Refusals:
    """What each name pointed to when that was refused."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._refused: dict[str, _Refused] = {}

    def due(self, name: str, digest: str) -> bool:
        """Whether this bundle is to be tried: it was never refused under the name, or that was long enough ago."""
        refused = self._refused.get(name)
        return refused is None or refused.digest != digest or self._now() >= refused.again

    def postpone(self, name: str, digest: str, pause: float) -> None:
        """It was refused; the next try is `pause` seconds from now, or twice as long as last time."""
        before = self._refused.get(name)
        pause = min(2 * before.pause, LONGEST_PAUSE) if before is not None and before.digest == digest else pause
        self._refused[name] = _Refused(digest, pause, self._now() + pause)

    def forget(self, name: str) -> None:
        self._refused.pop(name, None)
