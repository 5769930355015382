"""The books of a pass: every record ends once, whatever the source, the windows and the exporter make of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import logsentry
from logsentry.errors import InputError, Unavailable
from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.checkpoint import Checkpoint, Resumed
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.scoring import START, ScoringPass
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor, Record
from logsentry.schema.score import Delivered, Outcome, Rejected, Retry, Scored
from logsentry.scoring.scorer import Scorer
from logsentry.store.verified import read

LINE = '%s - - [19/May/2015:%02d:00:00 +0000] "GET /%d HTTP/1.1" 200 1 "-" "curl/7"\n'


class Kept:
    """An exporter that keeps what it is given; it refuses some entities, or breaks."""

    Config = msgspec.Struct

    def __init__(self, refused: str = "", broken: bool = False) -> None:
        self.items: list[Scored] = []
        self.refused, self.broken = refused, broken

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        if self.broken:
            raise Unavailable("the disk is full")
        known = {item.id for item in self.items}
        self.items += batch
        return [Rejected("no") if item.window.key == self.refused else Delivered(item.id in known) for item in batch]

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(read(Path(logsentry.__file__).parent / "demo" / "bundle", "demo"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    lines = [LINE % (f"10.0.0.{host}", hour, hour) for hour in range(4) for host in range(3)]
    path.write_text("".join(lines[:5]) + "# a comment\n\nno access line\n" + "".join(lines[5:]))
    return path


def work(scorer: Scorer, folder: Path, exporter: Kept, state: Checkpoint | None = None) -> ScoringPass:
    return ScoringPass(make_source("http-access"), scorer, [exporter], DeadLetters(folder / "dead.ndjson"), state)


def quiet(done: int, total: int, note: str) -> None:
    """No bar in a test."""


def read_through(pass_: ScoringPass, log: Path, resumed: Resumed = START) -> str:
    return pass_.run(make_files([str(log)], make_source("http-access")), quiet, resumed).sentence()


def test_every_record_ends_once(scorer: Scorer, log: Path, tmp_path: Path) -> None:
    exporter = Kept()
    pass_ = work(scorer, tmp_path, exporter)
    assert read_through(pass_, log) == "read 15 = scored 12 + filtered 2 + dead-lettered 1"
    assert sum(len(item.window.events) for item in exporter.items) == 12
    assert pass_.tally.windows == len(exporter.items) == 12
    assert read_through(work(scorer, tmp_path, exporter), log).startswith("read 15 = scored 0 + duplicate 12")


def test_what_an_exporter_refuses_is_dead_lettered(scorer: Scorer, log: Path, tmp_path: Path) -> None:
    assert (
        read_through(work(scorer, tmp_path, Kept(refused="10.0.0.1")), log) == "read 15 = scored 8 + filtered 2 + dead-lettered 5"
    )
    assert len((tmp_path / "dead.ndjson").read_bytes().splitlines()) == 5


def test_the_same_lines_twice_in_one_pass_are_duplicates(scorer: Scorer, log: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.log").write_bytes(log.read_bytes())
    files = make_files([str(log), str(tmp_path / "copy.log")], make_source("http-access"))
    books = work(scorer, tmp_path, Kept()).run(files, quiet)
    assert books.balanced
    assert books.read == 30
    assert books.scored + books.duplicate == 24


def test_an_exporter_that_breaks_leaves_the_cursor_where_it_was(scorer: Scorer, log: Path, tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "state") as state:
        with pytest.raises(Unavailable, match="disk is full"):
            read_through(work(scorer, tmp_path, Kept(broken=True), state), log)
        resumed, exporter = state.load(), Kept()
        books = work(scorer, tmp_path, exporter, state).run(make_files([str(log)], make_source("http-access")), quiet, resumed)
    assert books.balanced
    assert sum(len(item.window.events) for item in exporter.items) == 12


class Broken:
    """An input that breaks off after some records, like half an archive."""

    Config = msgspec.Struct

    def __init__(self, log: Path, count: int) -> None:
        self.log, self.count = log, count

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        for number, record in enumerate(make_files([str(self.log)], make_source("http-access")).read(after)):
            if number == self.count:
                raise InputError("the archive is cut off")
            yield record

    def close(self) -> None:
        """Nothing is open."""


def test_what_comes_before_the_damage_is_scored(scorer: Scorer, log: Path, tmp_path: Path) -> None:
    exporter = Kept()
    pass_ = work(scorer, tmp_path, exporter)
    assert pass_.run(Broken(log, 4), quiet).sentence() == "read 4 = scored 4 + filtered 0 + dead-lettered 0"  # type: ignore[arg-type]
    assert str(pass_.failure) == "the archive is cut off"


class Deaf(Kept):
    """Takes nothing; somebody asks the pass to stop meanwhile."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self.stop = stop

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        self.stop.asked = True
        return [Retry("down", paused=True)] * len(batch)


def test_stopped_while_a_place_takes_nothing_it_ends_at_once_and_the_next_pass_has_all(
    scorer: Scorer, log: Path, tmp_path: Path
) -> None:
    files = make_files([str(log)], make_source("http-access"))
    with Checkpoint(tmp_path / "state") as state:
        stop, dead = Stop(), DeadLetters(tmp_path / "dead.ndjson")
        first = ScoringPass(make_source("http-access"), scorer, [Deaf(stop)], dead, state, stop=stop)
        assert first.run(files, quiet).sentence() == "read 15 = scored 0 + filtered 2 + dead-lettered 1 + open 12"
        resumed, exporter = state.load(), Kept()
        second = work(scorer, tmp_path, exporter, state)
        assert second.run(files, quiet, resumed).balanced
    assert sum(len(item.window.events) for item in exporter.items) == 12


class Falls(Kept):
    """Stores what it is given, and falls over at chosen batches: before it stored them, or after."""

    def __init__(self, before: set[int], after: set[int]) -> None:
        super().__init__()
        self.before, self.after, self.batches = before, after, 0

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        self.batches += 1
        if self.batches in self.before:
            raise Unavailable("it fell")
        known = {item.id for item in self.items}
        self.items += [item for item in batch if item.id not in known]
        if self.batches in self.after:
            raise Unavailable("it fell")
        return [Delivered(item.id in known) for item in batch]


class Killed(Checkpoint):
    """A checkpoint of a process that dies with its exporter: nothing is saved from then on."""

    falls: Falls | None = None

    def save(self, cursor: Cursor | None, books: Books, *rest: Any) -> None:
        dead = self.falls is not None and self.falls.batches in self.falls.before | self.falls.after
        if not dead:
            super().save(cursor, books, *rest)


def stored(exporter: Kept) -> list[tuple[str, ...]]:
    return sorted(tuple(event.id for event in item.window.events) for item in exporter.items)


@pytest.mark.parametrize("kind", [Checkpoint, Killed])
@pytest.mark.parametrize("seed", range(12))
def test_cut_off_anywhere_and_resumed_it_stores_what_an_undisturbed_pass_stores(
    scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, kind: type[Checkpoint]
) -> None:
    monkeypatch.setattr("logsentry.pipeline.scoring.BATCH", 2)
    chance, log = random.Random(seed), tmp_path / "access.log"
    minutes = sorted(chance.sample(range(1400), 150))
    day = '10.0.0.%d - - [19/May/2015:%02d:%02d:00 +0000] "GET /%d HTTP/1.1" 200 1 "-" "curl/7"\n'
    log.write_text("".join(day % (chance.choice((1, 1, 1, 2, 3, 4)), *divmod(minute, 60), minute) for minute in minutes))
    whole = Kept()
    read_through(work(scorer, tmp_path, whole), log)
    falls = Falls(set(chance.sample(range(1, 60), 4)), set(chance.sample(range(1, 60), 4)))
    passes = 0
    while True:
        with kind(tmp_path / "state") as state:
            if isinstance(state, Killed):
                state.falls = falls
            resumed = state.load()
            pass_ = work(scorer, tmp_path, falls, state)
            passes += 1
            try:
                pass_.run(make_files([str(log)], make_source("http-access")), quiet, resumed)
                break
            except Unavailable:
                continue
    assert passes > 2
    assert stored(falls) == stored(whole)
