"""Dead letters through the pipeline once more, as if their records had just been read for the first time.

Origin and offset are those of the first try, so events and scores have the same ids, and a store that keeps ids takes none of them
twice. The records of one refused score are a window by themselves again. A line is taken out when its record has ended and that is
on disk; one that fails again stays, with one more attempt and the newest reason. A crash between the two repeats the replay of
what was not taken out. What else has to hold for the letters of a forwarder is in `server/replaying.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec

from logsentry.pipeline.breaker import Notice, unnoticed
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.landing import Landing
from logsentry.pipeline.letters import Letter, chosen, letters
from logsentry.pipeline.opening import Parts, parts
from logsentry.pipeline.runs import expect_repeats
from logsentry.pipeline.scoring import ScoringPass
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor, Record
from logsentry.sdk import Progress

if TYPE_CHECKING:
    from logsentry.config import Forward, Pipeline

FOLDER = "replay"
"""Beside the states of the inputs: its lock keeps two replays of one pipeline apart."""

Barred = Callable[[Sequence[Letter]], Mapping[str, str]]
"""Which of some letters are not to be tried now, beside those that never can: {id: why}."""


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


def replay(
    config: Pipeline,
    file: Path | None,
    ids: Sequence[str],
    progress: Progress,
    notice: Notice = unnoticed,
    stop: Stop | None = None,
) -> Replayed:
    """Put dead letters through a pipeline; all of its file, or those with these ids.

    Raises what `put_through` raises, and `Unavailable` where another replay of the pipeline is under way.
    """
    with Checkpoint(Path(config.state) / FOLDER):
        return put_through(config, file, ids, progress, notice, stop)


def put_through(
    config: Pipeline | Forward,
    file: Path | None,
    ids: Sequence[str],
    progress: Progress,
    notice: Notice = unnoticed,
    stop: Stop | None = None,
    barred: Barred = lambda found: {},
) -> Replayed:
    """The same, whatever the letters came from; nobody else may replay these meanwhile.

    Raises what `parts` raises, `UsageError` for an id that is not there, and `Unavailable` where an exporter takes nothing.
    """
    path = file or Path(config.dead_letters)
    found = chosen(letters(path), ids)
    not_now = barred(found)
    with parts(config) as with_:
        wanted, kept_back = _sorted(found, with_.source.name, not_now)
        landing = Landing(path, with_.digest, with_.scorer.bundle.digest)
        books = _through(with_, DeadRecords(wanted), landing, progress, config.patience, notice, stop)
    return Replayed(path, books, kept_back, len(letters(path)))


def _sorted(found: Sequence[Letter], source: str, barred: Mapping[str, str]) -> tuple[list[Letter], dict[str, int]]:
    """What can be replayed, and why the rest cannot."""
    wanted: list[Letter] = []
    kept_back: dict[str, int] = {}
    for letter in found:
        if why := letter.kept_back or _of_another(letter, source) or barred.get(letter.id, ""):
            kept_back[why] = kept_back.get(why, 0) + 1
        else:
            wanted.append(letter)
    return wanted, kept_back


def _of_another(letter: Letter, source: str) -> str:
    of = letter.said.get("source")
    return f"they are of {of!s}, and the configuration is for {source}" if of != source else ""


def _through(
    found: Parts,
    input_: DeadRecords,
    landing: Landing,
    progress: Progress,
    patience: float,
    notice: Notice,
    stop: Stop | None,
) -> Books:
    expect_repeats(found.exporters, True)
    work = ScoringPass(
        found.source,
        found.scorer,
        found.exporters,
        landing,
        seen=landing,
        apart=True,
        patience=patience,
        notice=notice,
        stop=stop,
    )
    return work.run(input_, progress)
