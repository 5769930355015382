"""What becomes of the lines of dead letters that are replayed: taken out once their records have landed, changed where they failed again.

Both reach the file together, and not before the records have ended in the exporters; a crash between leaves the lines as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from logsentry.pipeline.letter_lines import now
from logsentry.pipeline.letters import Letter, rewrite
from logsentry.schema.event import event_id
from logsentry.schema.record import Record


class Landing:
    """What a replay tells of each record: that it ended, or why it failed again. Both reach the file with `flush`."""

    def __init__(self, path: Path, config: str, bundle: str) -> None:
        self._path = path
        self._with = {"config": config, "bundle": bundle}
        self._landed: set[str] = set()
        self._failed: dict[str, dict[str, Any]] = {}

    def __contains__(self, record: Record) -> bool:
        return False

    def add(self, record: Record) -> None:
        self._landed.add(event_id(record))

    def write(self, record: Record, source: str, reason: str, *, status: int = 0, error: str = "", score: str = "") -> None:
        said = {"reason": reason, "status": status, "error": error, "score": score, "at": now(), **self._with}
        self._failed[event_id(record)] = {name: value for name, value in said.items() if value}

    def flush(self) -> None:
        """Raises `Unavailable` where the file cannot be written; its lines are then as before."""
        if self._landed:
            rewrite(self._path, self._changed)
            self._landed, self._failed = set(), {}

    def _changed(self, letter: Letter) -> Mapping[str, Any] | None:
        if letter.id not in self._landed:
            return letter.said
        if letter.id not in self._failed:
            return None
        kept = {name: value for name, value in letter.said.items() if name not in ("status", "error", "score")}
        return {**kept, **self._failed[letter.id], "attempts": letter.attempts + 1}
