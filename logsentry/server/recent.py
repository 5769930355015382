"""The last warnings and errors of the server's own log, kept for its status page."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

KEPT = 20
LONGEST = 1000
DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
LOGGER = "logsentry"


class Trouble(msgspec.Struct, frozen=True):
    """One sentence of the log. `time` is in seconds since 1970, `times` how often it was said in a row."""

    time: float
    level: str
    text: str
    times: int = 1


class Recent(logging.Handler):
    """Keeps the sentences and not the tracebacks. The same one again counts, and does not push others out."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the store's."""
        super().__init__(logging.WARNING)
        self._folder = folder
        self._kept: deque[Trouble] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging`, under this handler's lock."""
        text, level, times = readable(record.getMessage(), self._folder), record.levelname.lower(), 1
        if self._kept and (self._kept[-1].text, self._kept[-1].level) == (text, level):
            times = self._kept.pop().times + 1
        self._kept.append(Trouble(record.created, level, text, times))

    def latest(self) -> list[Trouble]:
        """The newest first."""
        return list(self._kept)[::-1]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this is open, the loggers of this package are heard."""
        logger = logging.getLogger(LOGGER)
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)


def readable(text: str, store: Path) -> str:
    """A sentence as the page shows it: without the place of the store on this machine, and with digests as short as in versions."""
    return DIGEST.sub(r"\1", text.replace(f"{store}/", ""))[:LONGEST]
