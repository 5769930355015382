"""A forwarder scores with what its bundle's name points to; another bundle begins at a batch, and no window meets two."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logsentry_duckdb.exporter import DuckDb
from services.forwarders import closing_lines, configured, lines, records, until_true
from services.model_server import DEMO, NAME, store_in

from logsentry.errors import BundleRefused, Unavailable
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.schema.books import Books
from logsentry.schema.event import Event
from logsentry.schema.score import Outcome, Scored
from logsentry.schema.window import Window
from logsentry.scoring.scorer import Scorer
from logsentry.server.forward import passes as forwarder_passes
from logsentry.server.forward.following import Following
from logsentry.server.forward.forwarder import Forwarder, opened
from logsentry.store.bundles import Store
from logsentry.store.manifest import Manifest
from logsentry.store.verified import read

SOON = 0.05
"""Seconds between two looks at the store."""


def scored_by(store: Path) -> Counter[str]:
    with duckdb.connect(str(store), read_only=True) as found:
        return Counter(dict(found.execute("SELECT detector, count(*) FROM scores GROUP BY detector").fetchall()))


def originals(store: Path) -> list[str]:
    with duckdb.connect(str(store), read_only=True) as found:
        return [row for (row,) in found.execute("SELECT original FROM events").fetchall()]


def reference(digest: str) -> str:
    return f"{NAME}@{digest[:12]}"


def started(folder: Path) -> Forwarder:
    (forwarder,) = opened([configured(folder, bundle=NAME)], follow_seconds=SOON)
    forwarder.start()
    return forwarder


async def streamed(forwarder: Forwarder, found: Sequence[str], ended: asyncio.Event) -> int:
    """Records a few at a time, without a pause, until the lines or the time are over; answers how many there were."""
    sent = 0
    while sent < len(found) and not ended.is_set():
        await forwarder.spool.append(records(found[sent : sent + 20]))
        sent += 20
        await asyncio.sleep(0.01)
    return sent


def test_a_bundle_promoted_under_a_stream_scores_from_a_batch_on_and_nothing_twice(tmp_path: Path) -> None:
    """Promoted, rolled back and promoted again while records arrive: each is in one score, of one of the two bundles."""
    found, store = lines(20_000), tmp_path / "store"
    digests = store_in(store)

    async def serve() -> list[str]:
        forwarder, ended = started(tmp_path), asyncio.Event()
        stream = asyncio.create_task(streamed(forwarder, found, ended))
        for number in range(3):
            before = forwarder.standing().books.scored
            await until_true(lambda before=before: forwarder.standing().books.scored > before)
            Store(store).promote(NAME, digests[(number + 1) % 2])
            wanted = reference(digests[(number + 1) % 2])
            await until_true(lambda wanted=wanted: forwarder.standing().bundle == wanted)
            assert not stream.done(), "the stream is too short for this machine"
        ended.set()
        sent = [*found[: await stream], *closing_lines()]
        await forwarder.spool.append(records(sent[-2:]))
        await until_true(lambda: forwarder.standing().books.scored == len(sent) - 1)
        standing = forwarder.standing()
        assert (standing.books.read, standing.books.open, standing.trouble, standing.refused) == (len(sent), 1, "", "")
        await forwarder.close()
        return sent

    sent = asyncio.run(serve())
    assert sorted(originals(tmp_path / "web.duckdb")) == sorted(sent[:-1]), "a record was lost or scored twice"
    assert set(scored_by(tmp_path / "web.duckdb")) == {reference(digest) for digest in digests}


def test_each_bundle_has_a_run_whose_books_balance(tmp_path: Path) -> None:
    found, store = [*lines(400), *closing_lines()], tmp_path / "store"
    digests = store_in(store)

    async def serve() -> None:
        forwarder = started(tmp_path)
        await forwarder.spool.append(records(found[:400]))
        await until_true(lambda: forwarder.standing().books.read == 400)
        Store(store).promote(NAME, digests[1])
        await until_true(lambda: forwarder.standing().bundle == reference(digests[1]))
        await forwarder.spool.append(records(found[400:]))
        await until_true(lambda: forwarder.standing().books.open == 1 and forwarder.standing().books.read == len(found))
        await forwarder.close()

    asyncio.run(serve())
    with duckdb.connect(str(tmp_path / "web.duckdb"), read_only=True) as kept:
        runs = dict(kept.execute("SELECT detector, scored FROM runs").fetchall())
        placed = dict(kept.execute("SELECT detector, count(DISTINCT run) FROM scores GROUP BY detector").fetchall())
        strange = kept.execute("SELECT count(*) FROM scores JOIN runs ON run = runs.id WHERE scores.detector != runs.detector")
        assert strange.fetchall() == [(0,)]
    assert sum(runs.values()) == len(found) - 1
    assert set(runs) == {reference(digest) for digest in digests}
    assert set(placed.values()) == {1}


def with_other_windows(store: Path) -> str:
    """The demo's bundle, made to judge each event by itself."""
    demo = read(DEMO, "demo").manifest
    with Store(store).incoming() as incoming:
        for file in demo.files:
            shutil.copy(DEMO / file, incoming / file)
        keys = json.loads((incoming / "logkeys.json").read_bytes())
        keys["profile"]["windows"]["session"] = None
        (incoming / "logkeys.json").write_text(json.dumps(keys))

        def described(files: Mapping[str, Any]) -> Manifest:
            return msgspec.structs.replace(demo, files=dict(files), seed=99)

        return Store(store).put(incoming, NAME, described).digest


def test_a_bundle_with_other_windows_takes_what_is_open_from_the_spool_again(tmp_path: Path) -> None:
    found, store = lines(200), tmp_path / "store"
    store_in(store, 1)

    async def serve() -> str:
        forwarder = started(tmp_path)
        await forwarder.spool.append(records(found))
        await until_true(lambda: forwarder.standing().books.read == 200)
        second = with_other_windows(store)
        await until_true(lambda: forwarder.standing().bundle == reference(second))
        await until_true(lambda: forwarder.standing().books.scored == 200)
        assert forwarder.standing().books.read == 200
        await forwarder.close()
        return reference(second)

    second = asyncio.run(serve())
    assert sorted(originals(tmp_path / "web.duckdb")) == sorted(found)
    with duckdb.connect(str(tmp_path / "web.duckdb"), read_only=True) as kept:
        sizes = dict(kept.execute("SELECT detector, max(events) FROM scores GROUP BY detector").fetchall())
    assert sizes.pop(second) == 1, "single events"
    assert min(sizes.values()) > 1, "and sessions before"


def test_a_refused_bundle_changes_nothing_and_is_said_until_it_is_rolled_back(tmp_path: Path) -> None:
    found, store = [*lines(100), *closing_lines()], tmp_path / "store"
    first, second = store_in(store)
    model = store / "bundles" / second / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])

    async def serve() -> None:
        forwarder = started(tmp_path)
        Store(store).point(NAME, second)
        await until_true(lambda: "model.onnx" in forwarder.standing().refused)
        assert str(store) not in forwarder.standing().refused
        await forwarder.spool.append(records(found))
        await until_true(lambda: forwarder.standing().books.scored == len(found) - 1)
        Store(store)._write_history(NAME, [second, first])
        await until_true(lambda: not forwarder.standing().refused)
        assert (forwarder.standing().bundle, forwarder.standing().trouble) == (reference(first), "")
        await forwarder.close()

    asyncio.run(serve())
    assert set(scored_by(tmp_path / "web.duckdb")) == {reference(first)}


def test_what_an_exporter_took_before_a_pass_broke_off_meets_the_same_bundle_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scores are stored and not marked; with another bundle they would have other ids, and be stored a second time."""
    monkeypatch.setattr(forwarder_passes, "AGAIN", (0.1,))
    found, store = [*lines(300), *closing_lines()], tmp_path / "store"
    first, second = store_in(store)
    really, broken = DuckDb.export, [True]

    def export(self: DuckDb, batch: Sequence[Scored]) -> Sequence[Outcome]:
        outcomes = really(self, batch)
        if broken[0]:
            raise Unavailable("the connection broke off before the answer")
        return outcomes

    monkeypatch.setattr(DuckDb, "export", export)

    async def serve() -> None:
        forwarder = started(tmp_path)
        await forwarder.spool.append(records(found))
        await until_true(lambda: "broke off" in forwarder.trouble)
        Store(store).promote(NAME, second)
        await asyncio.sleep(0.5)
        assert forwarder.standing().bundle == reference(first)
        broken[0] = False
        await until_true(lambda: forwarder.standing().bundle == reference(second))
        await forwarder.spool.append(records([closing_lines([30])[0]]))
        await until_true(lambda: forwarder.standing().books.open == 1)
        await forwarder.close()

    asyncio.run(serve())
    rows = originals(tmp_path / "web.duckdb")
    assert sorted(rows) == sorted(found), "a record was lost or scored twice"
    assert set(scored_by(tmp_path / "web.duckdb")) == {reference(first), reference(second)}


def test_what_was_marked_before_a_checkpoint_failed_holds_no_bundle_up_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its windows are not scored again, so nothing of them is waited for once all records before are settled."""
    monkeypatch.setattr(forwarder_passes, "AGAIN", (0.1,))
    found, store = [*lines(100), *closing_lines()], tmp_path / "store"
    first, second = store_in(store)
    really, broken, saved = Checkpoint.save, [True], []

    def save(self: Checkpoint, cursor: Any, books: Books, *rest: Any) -> None:
        if broken[0] and books.scored:
            raise Unavailable("no room for the checkpoint")
        really(self, cursor, books, *rest)
        saved.append(cursor)

    monkeypatch.setattr(Checkpoint, "save", save)

    async def serve() -> None:
        forwarder = started(tmp_path)
        await forwarder.spool.append(records(found))
        await until_true(lambda: "no room" in forwarder.trouble)
        Store(store).promote(NAME, second)
        broken[0], before = False, len(saved)
        await until_true(lambda: len(saved) > before)
        assert forwarder.standing().bundle == reference(first)
        await forwarder.spool.append(records([closing_lines([30])[0]]))
        await until_true(lambda: forwarder.standing().bundle == reference(second))
        await forwarder.close()

    asyncio.run(serve())
    assert sorted(originals(tmp_path / "web.duckdb")) == sorted(found), "a record was lost or scored twice"
    assert set(scored_by(tmp_path / "web.duckdb")) == {reference(first)}


def test_a_bundle_that_fails_on_its_first_batch_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder_passes, "AGAIN", (0.1,))
    found, store = [*lines(100), *closing_lines()], tmp_path / "store"
    first, second = store_in(store)
    really = Scorer.score

    def score(self: Scorer, windows: Sequence[Window]) -> Any:
        if self.bundle.digest == first and windows:
            raise BundleRefused("it gave a window a value that is no number")
        return really(self, windows)

    monkeypatch.setattr(Scorer, "score", score)

    async def serve() -> None:
        forwarder = started(tmp_path)
        await forwarder.spool.append(records(found))
        await until_true(lambda: "no number" in forwarder.trouble)
        Store(store).promote(NAME, second)
        await until_true(lambda: forwarder.standing().books.scored == len(found) - 1)
        await forwarder.close()

    asyncio.run(serve())
    assert set(scored_by(tmp_path / "web.duckdb")) == {reference(second)}


class Clock:
    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def scorers(tmp_path_factory: pytest.TempPathFactory) -> list[Scorer]:
    store = tmp_path_factory.mktemp("scorers")
    return [Scorer(Store(store).find(digest)) for digest in store_in(store)]


def test_a_refused_bundle_is_tried_after_growing_pauses(scorers: list[Scorer]) -> None:
    clock, tried = Clock(), []

    def opened_() -> Scorer:
        tried.append(clock.now)
        raise BundleRefused("half of it is there")

    following = Following(scorers[0], opened_, lambda: "b" * 64, 2.0, clock)
    for _ in range(200):
        assert following.newer() is None
        clock.now += 1
    assert [round(after - before) for before, after in pairwise(tried)] == [2, 4, 8, 16, 32, 60, 60]
    assert following.refused == "half of it is there"


def window(number: int) -> Window:
    return Window("", (Event(f"{number:032x}", None, "http-access", {}, "", b""),))


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=8))
def test_another_bundle_waits_for_exactly_what_was_given_out_and_not_settled(
    scorers: list[Scorer], parts: list[tuple[int, bool]]
) -> None:
    """Parts of a pass, each with whether it was settled before the pass broke off; then all that was not is scored again."""
    following = Following(scorers[0], lambda: scorers[1], lambda: scorers[1].bundle.digest, 0.0)
    following.begin()
    number, settled = 0, 0
    left: list[list[Window]] = []
    for size, whole in parts:
        part = [window(number + at) for at in range(size)]
        number += size
        following.score(part)
        if whole and not left:
            settled += size
            following.settled(settled)
        else:
            left.append(part)
    following.begin()
    again = 0
    for part in left:
        assert following.newer() is None
        following.score(part)
        assert following.newer() is None
        again += len(part)
        following.settled(again)
    assert following.newer() is scorers[1]
