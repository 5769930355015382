"""A pass that dies at any step of delivering, and is begun again over a log that has grown, has every event in one stored window."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import msgspec
import pytest
from logsentry_http_access.source import HttpAccess

import logsentry
from logsentry.pipeline import scoring
from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.generation import inspect
from logsentry.pipeline.scoring import ScoringPass
from logsentry.schema.books import Books
from logsentry.schema.event import Event, Filtered, event_id
from logsentry.schema.profile import SessionRule, Windowing
from logsentry.schema.record import Cursor, Record
from logsentry.schema.score import Delivered, Outcome, Score, Scored
from logsentry.schema.window import Window
from logsentry.scoring.scorer import Scorer
from logsentry.sdk import Source
from logsentry.store.verified import read

LINE = '10.0.0.%d - - [19/May/2015:%02d:%02d:00 +0000] "GET /%d HTTP/1.1" 200 1 "-" "curl/7"'


class Died(BaseException):
    """The process is gone; nothing of it acts any more."""


class Life:
    """How many steps of delivering are left, None for no end."""

    def __init__(self, steps: int | None) -> None:
        self.left, self.over = steps, False

    def step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.over = True
                raise Died


class Mortal(Checkpoint):
    """A checkpoint of a process that may die before any save, and saves nothing then."""

    life = Life(None)

    def save(self, cursor: Cursor | None, books: Books, *rest: Any) -> None:
        if not self.life.over:
            self.life.step()
            super().save(cursor, books, *rest)


class Store:
    """Keeps ids. Its client may die before it has anything of a batch, when it has one half, and when it has all."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self) -> None:
        self.items: dict[str, Scored] = {}
        self.life, self.batches = Life(None), list[int]()

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        self.batches.append(len(batch))
        known = set(self.items)
        for part in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
            self.life.step()
            self.items |= {item.id: item for item in part}
        self.life.step()
        return [Delivered(item.id in known) for item in batch]

    def close(self) -> None:
        """Nothing is open."""

    @property
    def events(self) -> Counter[str]:
        """In how many windows each event is, by its path."""
        return Counter(event.original.split()[6].decode() for item in self.items.values() for event in item.window.events)

    @property
    def windows(self) -> set[tuple[str, ...]]:
        return {tuple(event.id for event in item.window.events) for item in self.items.values()}


class Several:
    """Access lines, several in one record, parted by tabs."""

    name: ClassVar[str] = "http-access"
    framing: ClassVar[Any] = "lines"
    profile = HttpAccess.profile
    own_prefixes = HttpAccess.own_prefixes
    Config = HttpAccess.Config

    def __init__(self) -> None:
        self._one = make_source("http-access")

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        found = []
        for part, line in enumerate(record.data.split(b"\t")):
            events = self._one.decode(msgspec.structs.replace(record, data=line))
            assert not isinstance(events, Filtered)
            found += [msgspec.structs.replace(event, id=event_id(record, part)) for event in events]
        return found


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(read(Path(logsentry.__file__).parent / "demo" / "bundle", "demo"))


class Ruled:
    """A scorer whose windows are made by another rule."""

    def __init__(self, scorer: Scorer, rule: Windowing) -> None:
        profile = msgspec.structs.replace(scorer.keys.profile, windows=rule)
        self._scorer, self.keys = scorer, _Keys(profile)

    def score(self, windows: Sequence[Window]) -> list[Score]:
        return self._scorer.score(windows)


class _Keys:
    def __init__(self, profile: Any) -> None:
        self.profile = profile


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BATCH", 2)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # the machine goes on; what is on disk is another test's


class Work:
    """A log, a store and a state; each `run` is a process of so many steps."""

    def __init__(self, folder: Path, scorer: Any, source: Source | None = None) -> None:
        self.folder, self.scorer, self.source = folder, scorer, source or make_source("http-access")
        self.store = Store()
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, lines: Sequence[str], steps: int | None = None) -> bool:
        """Whether it came to its end."""
        log, life = self.folder / "access.log", Life(steps)
        log.write_text("".join(line + "\n" for line in lines))
        state = Mortal(self.folder / "state")
        state.life = self.store.life = life
        with state:
            dead = DeadLetters(self.folder / "dead.ndjson")
            work = ScoringPass(self.source, self.scorer, [self.store], dead, state)
            try:
                books = work.run(make_files([str(log)], self.source), lambda *_: None, state.load())
            except Died:
                return False
        assert books.balanced
        return True


def visits(*minutes: tuple[int, int]) -> list[str]:
    """A line for each (host, minute); its path is its number."""
    return [LINE % (host, *divmod(minute, 60), number) for number, (host, minute) in enumerate(minutes)]


def every_step(lines: Sequence[str], grown: Sequence[str], scorer: Any, folder: Path, source: Source | None = None) -> int:
    """Die at each step of the first pass in turn, then at each of the second; answers how many deaths that were."""
    first = 0
    while True:
        second = 0
        while True:
            work = Work(folder / f"{first}-{second}", scorer, source)
            came_through = work.run(lines, first)
            again = work.run([*lines, *grown], second)
            assert work.run([*lines, *grown])
            assert work.store.events == Counter(f"/{number}" for number in range(paths([*lines, *grown])))
            if again:
                break
            second += 7 if first else 1
        if came_through:
            return first
        first += 1


def paths(lines: Sequence[str]) -> int:
    return sum(line.count("GET") for line in lines)


def test_sessions_that_go_on_after_the_pass_died(scorer: Scorer, tmp_path: Path) -> None:
    lines = visits((1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (1, 5), (2, 6), (3, 50), (4, 51), (5, 52), (1, 53))
    grown = [LINE % (host, 1, 0, 11 + host - 1) for host in (1, 2, 3, 4, 5)]
    assert every_step(lines, grown, scorer, tmp_path) > 20


def test_times_out_of_order(scorer: Scorer, tmp_path: Path) -> None:
    lines = visits((1, 0), (2, 0), (1, 40), (2, 15), (3, 20), (1, 100), (2, 50), (3, 45), (2, 10), (1, 110))
    grown = [LINE % (1, 0, 20, 10), LINE % (2, 1, 50, 11), LINE % (3, 0, 1, 12)]
    assert every_step(lines, grown, scorer, tmp_path) > 20


def test_records_whose_events_are_in_several_windows(scorer: Scorer, tmp_path: Path) -> None:
    several = visits((1, 0), (2, 0), (1, 1), (3, 1), (2, 40), (4, 41), (1, 42), (3, 90), (4, 91), (2, 92), (5, 93), (1, 94))
    lines = ["\t".join(several[number : number + 3]) for number in range(0, 12, 3)]
    grown = ["\t".join([LINE % (1, 1, 40, 12), LINE % (5, 1, 41, 13)])]
    assert every_step(lines, grown, scorer, tmp_path, cast(Source, Several())) > 15


def test_full_sessions(scorer: Scorer, tmp_path: Path) -> None:
    rule = Windowing(session=SessionRule(("client.ip",), max_events=2))
    lines = visits(*((1 + number % 2, number) for number in range(10)), (3, 11))
    assert every_step(lines, [LINE % (1, 0, 12, 11), LINE % (3, 0, 12, 12)], Ruled(scorer, rule), tmp_path) > 15


def test_what_is_closed_at_the_end_is_kept_batch_by_batch(scorer: Scorer, tmp_path: Path) -> None:
    """A process that dies after each fourth step comes to the end of a log that it can only deliver when it has read all of it."""
    work, passes = Work(tmp_path, scorer), 1
    lines = visits(*((host, 0) for host in range(1, 41)))
    while not work.run(lines, 6):
        passes += 1
        assert passes < 40, "no progress is kept"
    assert work.store.events == Counter(f"/{number}" for number in range(40))
    assert sum(work.store.batches) <= 40 + 2 * passes


@pytest.mark.parametrize("seed", range(6))
def test_dying_again_and_again(scorer: Scorer, tmp_path: Path, seed: int) -> None:
    """While sessions that were delivered lie on both sides of one that is open, which every later pass has to remember too."""
    chance, undisturbed = random.Random(seed), Work(tmp_path / "undisturbed", scorer)
    minutes = sorted(chance.sample(range(1400), 120))
    lines = visits(*((1 if number % 3 == 0 else chance.choice((2, 3, 4)), minute) for number, minute in enumerate(minutes)))
    work = Work(tmp_path / "disturbed", scorer)
    while not work.run(lines, chance.randrange(3, 30)):
        """Begun anew."""
    assert undisturbed.run(lines)
    assert work.store.windows == undisturbed.store.windows


def test_nothing_is_in_flight_when_all_has_ended(scorer: Scorer, tmp_path: Path) -> None:
    work = Work(tmp_path, scorer)
    lines = visits((1, 0), (2, 1), (3, 2))
    work.run(lines, 2)
    assert any(found.generation is not None and found.generation.in_flight for found in inspect(tmp_path / "state"))
    assert work.run(lines)
    newest = max((found.generation for found in inspect(tmp_path / "state") if found.generation), key=lambda g: g.sequence)
    assert (newest.in_flight, newest.ended, newest.ahead) == ((), (), {})
