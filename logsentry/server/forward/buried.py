"""A forwarder's dead letters: the file of the pipeline, with a size past which the forwarder takes nothing and reads nothing.

What could neither be scored nor kept would be lost, so a forwarder stops before that: it refuses what is delivered (429 or 503, syslog
waits), leaves what lies in its spool there, and says so. It goes on when letters were taken out (`logsentry dlq replay`, `purge`). The file
may pass its limit by what was in hand: a mebibyte of letters that are written together, and records in open windows whose scores an
exporter refuses.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from logsentry.pipeline.deadletters import DeadLetters
from logsentry.schema.record import Record

EVERY = 0.25
"""Seconds for which a look at the file is good, unless something was written meanwhile."""


class Buried:
    """Letters with the digests of the configuration and of the bundle that is in force. `full` is asked by several threads, the rest is for
    the forwarder's own."""

    def __init__(self, path: Path, most_bytes: int, config: str, bundle: str, now: Callable[[], float] = time.monotonic) -> None:
        self.path, self.most_bytes, self._config, self._now = path, most_bytes, config, now
        self._letters = DeadLetters(path, config, bundle)
        self._look = threading.Lock()
        self._size, self._trouble, self._looked = 0, "", -EVERY

    def write(self, record: Record, source: str, reason: str, *, status: int = 0, error: str = "", score: str = "") -> None:
        self._letters.write(record, source, reason, status=status, error=error, score=score)
        self._looked = -EVERY

    def flush(self) -> None:
        self._letters.flush()
        self._looked = -EVERY

    def begin(self, bundle: str) -> None:
        """A pass begins, or another bundle scores. What an earlier pass left unwritten belongs to records that are read again."""
        self._letters = DeadLetters(self.path, self._config, bundle)

    @property
    def size(self) -> int:
        """Bytes on disk, as of a moment ago."""
        self.full()
        return self._size

    def full(self) -> str:
        """Why nothing is taken just now; empty where there is room. No path of this machine is in it."""
        with self._look:
            if self._now() - self._looked >= EVERY:
                self._looked = self._now()
                self._weigh()
            if self._trouble or self._size < self.most_bytes:
                return self._trouble
            return (
                f"the dead letters have reached {self._size:,} bytes and may have {self.most_bytes:,}; nothing more is taken until "
                "some were replayed or purged (logsentry dlq)"
            )

    def _weigh(self) -> None:
        try:
            self._size, self._trouble = self.path.stat().st_size, ""
        except FileNotFoundError:
            self._size, self._trouble = 0, ""
        except OSError as error:
            self._trouble = f"the dead letters cannot be looked at: {error.strerror}"
