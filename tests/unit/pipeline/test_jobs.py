"""A job that comes back: overlap read again, windows left open, records that were seen; and a disk that fills up anywhere."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

import logsentry
from logsentry.errors import LogsentryError, Unavailable
from logsentry.pipeline.build import make_source
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.generation import inspect
from logsentry.pipeline.letters import letters
from logsentry.pipeline.scoring import ScoringPass
from logsentry.pipeline.seen import Seen
from logsentry.pipeline.stopping import Stop
from logsentry.schema.books import Books
from logsentry.schema.record import Address, Cursor, Record
from logsentry.schema.score import Delivered, Outcome, Rejected, Scored
from logsentry.scoring.scorer import Scorer
from logsentry.store.verified import read

MINUTE = 60_000
OVERLAP = 30 * MINUTE
BEGAN = 1_431_993_600_000  # 19 May 2015, 00:00 UTC
LINE = '10.0.0.%d - - [19/May/2015:%02d:%02d:00 +0000] "GET /%d HTTP/1.1" 200 1 "-" "curl/7"'

Document = tuple[int, int, bytes]
"""(number, minute of the day, line)"""


class Index:
    """Documents in order of time, read again from `OVERLAP` before the cursor, up to a watermark."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, documents: Sequence[Document], until: int) -> None:
        self.documents, self.until = sorted(documents, key=lambda document: document[1]), until

    def between(self, since_ms: int | None, until_ms: int | None) -> None:
        """Not asked for here."""

    def watermark(self) -> int:
        return BEGAN + self.until * MINUTE

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        since = 0 if after is None else int(after["time"]) - OVERLAP
        for number, minute, line in self.documents:
            time = BEGAN + minute * MINUTE
            if since <= time < self.watermark():
                yield Record(line, "web", f"web/{number}", 0, {"time": time}, Address("web", str(number), 1, 1, time))

    def close(self) -> None:
        """Nothing is open."""


class Store:
    """An exporter with ids; it refuses some entities, and falls over when it is told."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, refused: str = "") -> None:
        self.items: dict[str, Scored] = {}
        self.refused, self.fall = refused, lambda: False

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        if self.fall():
            raise Unavailable("it fell before")
        ends: list[Outcome] = []
        for item in batch:
            refused = item.window.key == self.refused
            ends.append(Rejected("no", 400, "mapping") if refused else Delivered(item.id in self.items))
            if not refused:
                self.items[item.id] = item
        if self.fall():
            raise Unavailable("it fell after")
        return ends

    def close(self) -> None:
        """Nothing is open."""

    def windows(self) -> list[tuple[str, ...]]:
        return sorted(tuple(event.message for event in item.window.events) for item in self.items.values())


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(read(Path(logsentry.__file__).parent / "demo" / "bundle", "demo"))


def document(number: int, host: int, minute: int) -> Document:
    return number, minute, (LINE % (host, *divmod(minute, 60), number)).encode()


def day(seed: int, count: int = 120) -> list[Document]:
    chance = random.Random(seed)
    minutes = sorted(chance.sample(range(1300), count))
    return [document(number, chance.choice((1, 1, 2, 3)), minute) for number, minute in enumerate(minutes)]


def job(
    scorer: Scorer,
    folder: Path,
    documents: Sequence[Document],
    until: int,
    store: Store,
    stop: Stop | None = None,
    silent: bool = False,
) -> Books:
    with Checkpoint(folder / "state") as state:
        resumed = state.load()
        cursors = (resumed.cursor, resumed.before)
        since = min(0 if cursor is None else int(cursor["time"]) - OVERLAP for cursor in cursors)
        dead = DeadLetters(folder / "dead.ndjson")
        source = make_source("http-access")
        seen = Seen(folder / "state", since)
        work = ScoringPass(source, scorer, [store], dead, state, seen=seen, leave_open=True, patience=0, stop=stop, silent=silent)
        return work.run(Index(documents, until), lambda done, total, note: None, resumed)


def undisturbed(scorer: Scorer, folder: Path, documents: Sequence[Document]) -> list[tuple[str, ...]]:
    store = Store()
    job(scorer, folder, documents, 1440 + 60, store)
    return store.windows()


def test_a_session_that_may_go_on_stays_open_and_is_whole_in_the_end(scorer: Scorer, tmp_path: Path) -> None:
    documents = [
        document(number, 1, 10 * number) for number in range(6)
    ]  # minutes 0 to 50: one session, as the gap is 30 minutes
    store = Store()
    assert job(scorer, tmp_path, documents, 35, store).sentence() == "read 4 = scored 0 + filtered 0 + dead-lettered 0 + open 4"
    assert store.items == {}
    books = job(scorer, tmp_path, documents, 75, store)
    assert (books.sentence(), books.balanced) == ("read 6 = scored 0 + filtered 0 + dead-lettered 0 + open 6", True)
    assert job(scorer, tmp_path, documents, 85, store).sentence() == "read 6 = scored 6 + filtered 0 + dead-lettered 0"
    assert [len(item.window.events) for item in store.items.values()] == [6]
    again = job(scorer, tmp_path, documents, 90, store)
    assert again.scored == again.open == 0
    assert again.duplicate == again.read > 0


def test_a_score_says_where_its_records_stand(scorer: Scorer, tmp_path: Path) -> None:
    store = Store()
    job(scorer, tmp_path, [document(7, 1, 0), document(8, 1, 5)], 200, store)
    [item] = store.items.values()
    assert [(address.index, address.id, address.seq_no) for address in item.addresses] == [("web", "7", 1), ("web", "8", 1)]
    assert not item.silent
    job(scorer, tmp_path / "backfill", [document(7, 1, 0)], 200, store, silent=True)
    assert [item.silent for item in store.items.values()] == [False, True]


def test_a_document_that_came_late_is_found_and_its_neighbours_are_not_scored_twice(scorer: Scorer, tmp_path: Path) -> None:
    documents = [document(number, 1 + number % 2, 2 * number) for number in range(20)]
    store = Store()
    job(scorer, tmp_path, documents, 100, store)
    before = store.windows()
    late = document(99, 1, 30)
    books = job(scorer, tmp_path, [*documents, late], 110, store)
    assert (books.scored, books.open) == (1, 0)
    assert len(store.windows()) == len(before) + 1
    assert set(before) < set(store.windows())


@pytest.mark.parametrize("seed", range(6))
def test_many_passes_store_what_one_pass_stores(scorer: Scorer, tmp_path: Path, seed: int) -> None:
    documents, store, chance = day(seed), Store(), random.Random(seed)
    until = 0
    while until < 1440 + 60:
        until += chance.randrange(20, 200)
        books = job(scorer, tmp_path, documents, until, store)
        assert books.balanced
    assert store.windows() == undisturbed(scorer, tmp_path / "other", documents)


@pytest.mark.parametrize("seed", range(8))
def test_passes_that_fall_anywhere_store_what_one_pass_stores(
    scorer: Scorer, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logsentry.pipeline.scoring.BATCH", 2)
    documents, store, chance = day(seed), Store(), random.Random(seed)
    store.fall = lambda: chance.random() < 0.1
    fallen = until = 0
    while until < 1440 + 60:
        try:
            job(scorer, tmp_path, documents, until + 100, store)
        except Unavailable:
            fallen += 1
            continue
        until += 100
    assert fallen > 1
    store.fall = lambda: False
    assert store.windows() == undisturbed(scorer, tmp_path / "other", documents)


@pytest.mark.parametrize("seed", range(4))
def test_passes_that_are_stopped_anywhere_store_what_one_pass_stores(
    scorer: Scorer, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logsentry.pipeline.scoring.BATCH", 2)
    documents, store, chance = day(seed), Store(), random.Random(seed)
    stopped = 0
    for until in range(100, 1800, 100):
        stop = Stop()
        left = chance.randrange(1, 8)

        def count_down(stop: Stop = stop) -> bool:
            nonlocal left
            left -= 1
            if left == 0:
                stop.asked = True
            return False

        store.fall = count_down
        books = job(scorer, tmp_path, documents, until, store, stop)
        assert books.balanced
        stopped += stop.asked
    store.fall = lambda: False
    job(scorer, tmp_path, documents, 1500, store)
    assert stopped > 3
    assert store.windows() == undisturbed(scorer, tmp_path / "other", documents)


@pytest.mark.parametrize("seed", range(4))
def test_a_lost_checkpoint_costs_nothing_while_the_one_before_is_whole(scorer: Scorer, tmp_path: Path, seed: int) -> None:
    """Fault row 11: what was seen is kept as far back as the older generation needs it."""
    documents, store, chance = day(seed), Store(), random.Random(seed)
    for until in range(100, 1600, 100):
        job(scorer, tmp_path, documents, until, store)
        newest = max(inspect(tmp_path / "state"), key=lambda found: found.generation.sequence if found.generation else 0)
        older = [found for found in inspect(tmp_path / "state") if found.generation and found.path != newest.path]
        if older and chance.random() < 0.5:
            content = newest.path.read_bytes()
            newest.path.write_bytes(content[: chance.randrange(len(content))])
    assert store.windows() == undisturbed(scorer, tmp_path / "other", documents)


WRITES = ("write", "pwrite", "fsync", "replace", "ftruncate")


def failing(monkeypatch: pytest.MonkeyPatch, at: int, damage: bool) -> Callable[[], int]:
    """From the call `at` on, every write to disk fails as on a full disk; answers how many there were."""
    calls = 0

    def wrapped(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*given: object) -> object:
            nonlocal calls
            calls += 1
            if calls <= at or name == "ftruncate":  # giving space back is what a full disk still does
                return real(*given)
            if damage and name in ("write", "pwrite"):
                real(given[0], bytes(given[1])[:7], *given[2:])  # type: ignore[call-overload]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return call

    for name in WRITES:
        monkeypatch.setattr(os, name, wrapped(name))
    return lambda: calls


def ending(act: Callable[[], Books]) -> str:
    """What the command would say; its exit code would be 1."""
    try:
        act()
    except LogsentryError as error:
        return str(error) if error.exit_code == 1 else ""
    return ""


def test_a_disk_that_is_full_at_any_write_loses_nothing(scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault row 10: documented exit code, no torn file, resumes."""
    monkeypatch.setattr("logsentry.pipeline.scoring.BATCH", 4)
    documents = [*day(1, 16), (77, 700, b"no access line"), document(78, 9, 701)]
    wanted, failures, at = undisturbed(scorer, tmp_path / "other", documents), 0, 0
    wanted = [window for window in wanted if "/78" not in window[0]]
    while True:
        folder, store = tmp_path / str(at), Store(refused="10.0.0.9")
        with monkeypatch.context() as patch:
            calls = failing(patch, at, damage=at % 2 == 0)
            said = ending(lambda: job(scorer, folder, documents, 1500, store))  # noqa: B023 - called at once
            failures += "No space left on device" in said
            full = calls() > at
        assert bool(said) == full
        books = job(scorer, folder, documents, 1500, store)
        assert books.balanced
        assert store.windows() == wanted
        assert sorted(letter.said["document"] for letter in letters(folder / "dead.ndjson")) == ["77", "78"]
        assert not list(folder.rglob("*.new")) + list(folder.rglob("*.tmp"))
        if not full:
            break
        at += 1
    assert failures == at > 15


def test_two_jobs_on_one_state_are_refused(scorer: Scorer, tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "state"), pytest.raises(Unavailable, match=r"another run \(process \d+\) uses the state folder"):
        job(scorer, tmp_path, day(1), 100, Store())
