"""Dead letters through the pipeline once more, as if their records had just been read for the first time.

Origin and offset are those of the first try, so events and scores have the same ids, and a store that keeps ids takes none of them
twice. The records of one refused score are a window by themselves again. A line is taken out when its record has ended and that is
on disk; one that fails again stays, with one more attempt and the newest reason. A crash between the two repeats the replay of
what was not taken out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from logsentry.pipeline.breaker import Notice, unnoticed
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.deadletters import now
from logsentry.pipeline.letters import Letter, chosen, letters, rewrite
from logsentry.pipeline.opening import Opened, opened
from logsentry.pipeline.runs import expect_repeats
from logsentry.pipeline.scoring import ScoringPass
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books
from logsentry.schema.event import event_id
from logsentry.schema.record import Cursor, Record
from logsentry.sdk import Progress

FOLDER = "replay"
"""Beside the states of the inputs: its lock keeps two replays of one pipeline apart."""


class Replayed(msgspec.Struct, frozen=True):
    """How a replay ended. `kept_back` says of each line that was not tried why, {reason: lines}."""

    file: Path
    books: Books
    kept_back: dict[str, int]
    left: int

    def sentences(self) -> list[str]:
        """What a person wants to know beside the books."""
        told = [f"{count:,} lines were not tried: {reason}" for reason, count in self.kept_back.items()]
        return [*told, f"{self.left:,} lines are left in {self.file}"]


class DeadRecords:
    """An input of records that were read before, the records of each score apart from the others."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, found: Sequence[Letter]) -> None:
        self._groups: dict[str, list[Record]] = {}
        for letter in found:
            if letter.record is not None:
                self._groups.setdefault(letter.score, []).append(letter.record)

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        for group in self._groups.values():
            yield from group
            yield None

    def close(self) -> None:
        """Nothing is open."""


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


def replay(
    config: Path,
    file: Path | None,
    ids: Sequence[str],
    progress: Progress,
    notice: Notice = unnoticed,
    stop: Stop | None = None,
) -> Replayed:
    """Put dead letters through the pipeline of a configuration; all of its file, or those with these ids.

    Raises what `opened` raises, `UsageError` for an id that is not there, and `Unavailable` where an exporter takes nothing.
    """
    with opened(config) as found, ExitStack() as stack:
        stack.enter_context(Checkpoint(Path(found.pipeline.state) / FOLDER))
        path = file or Path(found.pipeline.dead_letters)
        wanted, kept_back = _sorted(chosen(letters(path), ids), found.source.name)
        landing = Landing(path, found.digest, found.scorer.bundle.digest)
        books = _through(found, DeadRecords(wanted), landing, progress, notice, stop)
    return Replayed(path, books, kept_back, len(letters(path)))


def _sorted(found: Sequence[Letter], source: str) -> tuple[list[Letter], dict[str, int]]:
    """What can be replayed, and why the rest cannot."""
    wanted: list[Letter] = []
    kept_back: dict[str, int] = {}
    for letter in found:
        of = letter.said.get("source")
        why = letter.kept_back or (f"they are of {of!s}, and the configuration is for {source}" if of != source else "")
        if why:
            kept_back[why] = kept_back.get(why, 0) + 1
        else:
            wanted.append(letter)
    return wanted, kept_back


def _through(
    found: Opened, input_: DeadRecords, landing: Landing, progress: Progress, notice: Notice, stop: Stop | None
) -> Books:
    expect_repeats(found.exporters, True)
    work = ScoringPass(
        found.source,
        found.scorer,
        found.exporters,
        landing,
        seen=landing,
        apart=True,
        patience=found.pipeline.patience,
        notice=notice,
        stop=stop,
    )
    return work.run(input_, progress)
