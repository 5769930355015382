"""A pass without end closes windows as time goes by, delivers them soon, and keeps its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from logsentry_http_access.source import HttpAccess

import logsentry
from logsentry.pipeline.build import make_source
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.continuous import LATE, ContinuousPass
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.handing import Scores
from logsentry.pipeline.stopping import Stop
from logsentry.schema.profile import CountRule, Windowing
from logsentry.schema.record import Cursor, Record
from logsentry.schema.score import Delivered, Outcome, Scored
from logsentry.scoring.scorer import Scorer
from logsentry.sdk import Joined, Source
from logsentry.store.verified import read

GAP = 1800
LINE = '%s - - [19/May/2015:%02d:%02d:00 +0000] "GET /%d HTTP/1.1" 200 1 "-" "curl/7"'


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(read(Path(logsentry.__file__).parent / "demo" / "bundle", "demo"))


class Kept:
    Config = msgspec.Struct

    def __init__(self) -> None:
        self.items: list[Scored] = []

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        self.items += batch
        return [Delivered()] * len(batch)

    def close(self) -> None:
        """Nothing is open."""


class Remembered:
    """Settled places in memory."""

    def __init__(self) -> None:
        self.places: set[int] = set()

    def __contains__(self, record: Record) -> bool:
        return record.offset in self.places

    def add(self, record: Record) -> None:
        self.places.add(record.offset)

    def flush(self) -> None:
        """In memory everything is there."""


class Acts:
    """An input that plays a list: a line to be read, a number of seconds in which nothing arrives, or a look at how things stand."""

    Config = msgspec.Struct

    def __init__(self, acts: Sequence[object], stop: Stop) -> None:
        self.acts, self.stop, self.now = acts, stop, 0.0

    def clock(self) -> float:
        return self.now

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        for number, act in enumerate(self.acts):
            if isinstance(act, str):
                yield Record(act.encode(), "test", "spool/1", number, {"n": number})
            elif callable(act):
                act()
            else:
                self.now += float(str(act))
                yield None
        self.stop.asked = True
        yield None

    def close(self) -> None:
        """Nothing is open."""


class Stage:
    """A pass over what an `Acts` plays."""

    def __init__(self, scorer: Scores, folder: Path, hold: float = 1e9, source: Source | None = None) -> None:
        self.scorer, self.folder, self.hold = scorer, folder, hold
        self.kept, self.settled, self.saved = Kept(), Remembered(), list[Cursor | None]()
        self.pressed, self.source = False, source or make_source("http-access")
        self.work: ContinuousPass

    def play(self, *acts: object) -> str:
        stop = Stop()
        input_ = Acts(acts, stop)
        with Checkpoint(self.folder / "state") as checkpoint:
            self.work = ContinuousPass(
                self.source,
                self.scorer,
                [self.kept],
                DeadLetters(self.folder / "dead.ndjson"),
                checkpoint,
                self.settled,
                saved=self.saved.append,
                pressed=lambda: self.pressed,
                hold=self.hold,
                stop=stop,
                now=input_.clock,
            )
            return self.work.run(input_, lambda *_: None, checkpoint.load()).sentence()

    def sizes(self) -> list[int]:
        return [len(item.window.events) for item in self.kept.items]


def line(host: str, minute: int, number: int = 0) -> str:
    return LINE % (host, minute // 60, minute % 60, number)


def test_a_session_ends_one_gap_after_its_last_event_was_read_though_its_times_are_years_ago(
    scorer: Scorer, tmp_path: Path
) -> None:
    stage = Stage(scorer, tmp_path)
    looks: list[list[int]] = []

    def look() -> None:
        looks.append(stage.sizes())

    late = GAP + LATE
    books = stage.play(line("a", 0), 60, line("a", 1), late - 1, look, 2, look)
    assert looks == [[], [2]]
    assert books == "read 2 = scored 2 + filtered 0 + dead-lettered 0"
    assert stage.saved[-1] == {"n": 2}


def test_what_is_closed_is_delivered_at_once_though_an_older_session_stays_open(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(scorer, tmp_path)
    looks: list[list[int]] = []
    acts = [line("old", 0), line("b", 1), *(line("old", minute) for minute in range(20, 100, 20)), 1]
    books = stage.play(*acts, lambda: looks.append(stage.sizes()))
    assert looks == [[1]]
    assert books == "read 6 = scored 1 + filtered 0 + dead-lettered 0 + open 5"
    assert set(map(str, stage.saved)) == {"None"}, "the oldest record is open, so the cursor has not moved"


def test_a_stopped_pass_is_gone_on_with_and_takes_nothing_twice(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(scorer, tmp_path)
    acts = [line("old", 0), line("b", 1), *(line("old", minute) for minute in range(20, 100, 20)), 1]
    stage.play(*acts)
    books = stage.play(*acts, 2 * GAP)
    assert books == "read 6 = scored 5 + duplicate 1 + filtered 0 + dead-lettered 0"
    assert sorted(stage.sizes()) == [1, 5]
    assert stage.saved[-1] == {"n": 5}


def test_an_event_of_the_far_future_does_not_end_the_sessions_that_come_after_it(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(scorer, tmp_path)
    books = stage.play(line("b", 0).replace("2015", "9000"), line("c", 1), 1, line("c", 2), 1, line("c", 3), 1)
    assert books.endswith("open 3")
    assert stage.sizes() == [1]


def test_old_logs_do_not_cut_the_sessions_of_new_ones(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(scorer, tmp_path)
    looks: list[list[int]] = []

    def look() -> None:
        looks.append(sorted(stage.sizes()))

    mixed = [line("new", 600), 1, line("old", 0), 1, line("old", 1), 1, look, line("new", 601), line("old", 2)]
    stage.play(*mixed, 1, look, GAP - 1, look, 2 * GAP, look)
    assert looks == [[], [], [], [1, 2, 2]], "the new session is whole; an old one ends with the next new event, as in any pass"


def test_where_only_old_logs_come_for_a_gap_their_time_counts(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(scorer, tmp_path)
    old = [step for minute in range(0, 180, 20) for step in (line("old", minute), 1200)]
    books = stage.play(line("new", 600), *old, line("other", 180), 1)
    assert books.endswith("open 10"), "the session of the old logs and that of the other go on"
    assert stage.sizes() == [1]


def test_windows_are_closed_early_where_room_is_short(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(scorer, tmp_path)
    stage.pressed = True
    assert stage.play(line("a", 0), line("b", 0), 1) == "read 2 = scored 2 + filtered 0 + dead-lettered 0"


class Counting:
    """Scores windows of eight events an entity, which for three never come."""

    def __init__(self, scorer: Scorer) -> None:
        windows = Windowing(count=CountRule(size=8, step=8, key=("source.address",)))
        self.keys: Any = SimpleNamespace(profile=msgspec.structs.replace(scorer.keys.profile, windows=windows))
        self.score = scorer.score


def test_windows_that_wait_for_a_count_hold_the_cursor_no_longer_than_hold(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(Counting(scorer), tmp_path, hold=100.0)
    looks: list[list[int]] = []

    def look() -> None:
        looks.append(stage.sizes())

    books = stage.play(*(line("a", minute) for minute in range(3)), 1, 99, look, 2, look, line("a", 9), 99, look)
    assert looks == [[], [3], [3]]
    assert books == "read 4 = scored 3 + filtered 0 + dead-lettered 0 + open 1"


class OneBehind:
    """Joins nothing, but gives out a record when the next one comes."""

    def __init__(self, decode: Callable[[Record], Any]) -> None:
        self._decode, self._held = decode, list[Record]()

    def feed(self, record: Record) -> Iterator[Joined]:
        yield from self.flush()
        self._held = [record]

    def flush(self) -> Iterator[Joined]:
        for record in self._held:
            yield Joined((record,), tuple(self._decode(record)))
        self._held = []


class Behind(HttpAccess):
    def joiner(self) -> OneBehind:
        return OneBehind(self.decode)


def test_what_a_joiner_holds_is_asked_for_when_nothing_more_comes(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(scorer, tmp_path, source=Behind(HttpAccess.Config()))
    books = stage.play(line("a", 0), line("a", 1), 10, GAP, LATE)
    assert books == "read 2 = scored 2 + filtered 0 + dead-lettered 0"
    assert stage.sizes() == [2]


def test_a_document_without_its_field_is_buried_and_the_rest_goes_on(scorer: Scorer, tmp_path: Path) -> None:
    stage = Stage(scorer, tmp_path)

    class Lacking(Acts):
        def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
            yield Record(b'{"x":1}', "test", "spool/1", 0, {"n": 0}, lacks="message")
            yield None
            self.stop.asked = True
            yield None

    stop = Stop()
    with Checkpoint(tmp_path / "state") as checkpoint:
        work = ContinuousPass(
            make_source("http-access"), scorer, [stage.kept], DeadLetters(tmp_path / "dead"), checkpoint, stage.settled,
            saved=stage.saved.append, stop=stop,
        )  # fmt: skip
        books = work.run(Lacking((), stop), lambda *_: None)
    assert books.sentence() == "read 1 = scored 0 + filtered 0 + dead-lettered 1"
    assert "has no field message" in (tmp_path / "dead").read_text()
    assert stage.saved[-1] == {"n": 0}
