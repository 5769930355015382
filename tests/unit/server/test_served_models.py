"""Bundles in memory: a name is followed when it moves, requests under way finish on the old one, and what is refused changes nothing."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from services.model_server import NAME, add_bundle, store_in

from logsentry.errors import BundleRefused, LogsentryError, Unavailable, UsageError
from logsentry.scoring.scorer import Options, Scorer
from logsentry.server.limits import Limits
from logsentry.server.models import Models
from logsentry.store.bundles import Store

WINDOW = (3, 5, 6, 7, 4)


def tried(store: Path, trial: Callable[[Models], Awaitable[None]], options: Options = Options()) -> None:  # noqa: B008 - frozen
    async def whole() -> None:
        models = Models(store, options, Limits())
        try:
            await trial(models)
        finally:
            await asyncio.wait_for(models.close(), 30)

    asyncio.run(whole())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_promoted_bundle_serves_and_the_old_one_answers_what_it_was_asked(store: Path) -> None:
    first, second = store_in(store)

    async def trial(models: Models) -> None:
        await models.begin()
        old, gate = models.get(NAME), threading.Event()
        asked = old.scorer.asked

        def slow(windows: Any) -> Any:
            gate.wait(20)
            return asked(windows)

        old.batcher._judging._ask = slow
        async with old.used():
            under_way = asyncio.create_task(old.batcher.ask([WINDOW], 30))
            Store(store).promote(NAME, second)
            await models.look()
            assert models.get(NAME).bundle.digest == second
            fresh = await models.get(NAME).batcher.ask([WINDOW], 30)
            assert not under_way.done()
            gate.set()
            assert list(await under_way) == list(fresh)
        assert old.bundle.digest == first
        while models._closing:
            await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="after shutdown"):
            old.executor.submit(print)

    tried(store, trial)


def test_answers_are_those_of_the_scorer(store: Path) -> None:
    store_in(store, 1)
    windows = [WINDOW, (3, 9, 4), (3, *([7] * 60), 4), (3, 142, 1, 4)]

    async def trial(models: Models) -> None:
        await models.begin()
        served = models.get(NAME)
        alone = Scorer(served.bundle, Options(table=0))
        together = await served.batcher.ask(windows, 30)
        assert [v.value for v in together] == pytest.approx([alone.judge([window])[0].value for window in windows], abs=1e-5)

    tried(store, trial)


def test_a_half_copied_bundle_is_passed_over_until_it_is_whole(store: Path, tmp_path: Path) -> None:
    _, second = store_in(store)
    folder, aside = store / "bundles" / second, tmp_path / "aside"
    shutil.move(folder, aside)
    Store(store).point(NAME, second)
    Store(store)._write_history(NAME, [Store(store).history(NAME)[0], second])

    async def trial(models: Models) -> None:
        Store(store).rollback(NAME)
        await models.begin()
        Store(store)._write_history(NAME, Store(store).history(NAME)[::-1])
        serves = models.get(NAME)
        for file in [None, *sorted(path.name for path in aside.iterdir() if path.name != "manifest.json")]:
            if file is not None:
                folder.mkdir(exist_ok=True)
                shutil.copy(aside / file, folder / file)
            assert [type(error) for error in await models.look(0)] == [BundleRefused]
            assert models.get(NAME) is serves
            assert "never finished" in models.failures[NAME]
        shutil.copy(aside / "manifest.json", folder / "manifest.json")
        assert await models.look(0) == []
        assert models.get(NAME).bundle.digest == second
        assert models.failures == {}

    tried(store, trial)


@pytest.mark.parametrize("file", ["model.onnx", "calibration.json", "manifest.json"])
def test_a_damaged_bundle_is_refused_and_the_old_one_serves_on(store: Path, file: str, caplog: pytest.LogCaptureFixture) -> None:
    first, second = store_in(store)
    path = store / "bundles" / second / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1

    async def trial(models: Models) -> None:
        await models.begin()
        Store(store).promote(NAME, second)
        path.write_bytes(data)
        await models.look()
        assert models.get(NAME).bundle.digest == first
        assert models.failures[NAME]
        assert str(store) not in models.failures[NAME]
        assert list(await models.get(NAME).batcher.ask([WINDOW], 30))
        Store(store)._write_history(NAME, [second, first])
        await models.look()
        assert models.failures == {}

    with caplog.at_level(logging.WARNING):
        tried(store, trial)
    assert any(str(store) in record.getMessage() for record in caplog.records), "the log says where"


def test_what_is_refused_is_tried_again_more_and_more_seldom(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, second = store_in(store)

    async def trial(models: Models) -> None:
        await models.begin()
        Store(store).point(NAME, second)
        (store / "bundles" / second / "manifest.json").unlink()
        for _ in range(20):
            await models.look(0.01)
            await asyncio.sleep(0.01)

    with caplog.at_level(logging.WARNING, "logsentry.server.models"):
        tried(store, trial)
    assert 2 <= len(caplog.records) <= 6


def test_a_name_that_cannot_be_read_stops_no_other(store: Path) -> None:
    store_in(store, 1)
    (store / "names" / "broken.json").write_text("{")
    add_bundle(store, 0, "other")

    async def trial(models: Models) -> None:
        await models.begin()
        assert models.names() == ["other", NAME]
        assert "broken.json cannot be read" in models.failures["broken"]
        assert str(store) not in models.failures["broken"]

    tried(store, trial)


def test_following_survives_a_store_that_is_away(store: Path, tmp_path: Path) -> None:
    _, second = store_in(store)

    async def trial(models: Models) -> None:
        await models.begin()
        follow = asyncio.create_task(models.follow(0.01))
        store.rename(tmp_path / "away")
        (tmp_path / "store").write_text("no folder")
        await asyncio.sleep(0.1)
        (tmp_path / "store").unlink()
        (tmp_path / "away").rename(store)
        Store(store).promote(NAME, second)
        while models.get(NAME).bundle.digest != second:
            assert not follow.done()
            await asyncio.sleep(0.01)
        follow.cancel()

    tried(store, trial)


def test_a_defect_in_opening_is_refused_like_damage_and_told_to_the_log(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = store_in(store)

    async def trial(models: Models) -> None:
        await models.begin()

        def broken(*_: Any) -> Any:
            raise ZeroDivisionError("in the driver")

        monkeypatch.setattr("logsentry.server.served.Scorer", broken)
        Store(store).promote(NAME, second)
        await models.look()
        assert models.get(NAME).bundle.digest == first
        assert models.failures[NAME] == "the bundle of 'web' cannot be opened; the server's log says why"

    tried(store, trial)
    assert "in the driver" in caplog.text


def test_unloading_lasts_until_loading(store: Path) -> None:
    store_in(store, 1)

    async def trial(models: Models) -> None:
        await models.begin()
        await models.unload(NAME)
        await models.look()
        assert (models.names(), models.known()) == ([], [NAME])
        with pytest.raises(UsageError, match="there are: none yet"):
            models.get(NAME)
        await models.load(NAME)
        assert models.names() == [NAME]

    tried(store, trial)


def test_a_folder_of_the_same_name_where_the_server_runs_is_not_taken(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_in(store, 1)
    add_bundle(store, 3, "demo")
    (tmp_path / NAME).mkdir()
    monkeypatch.chdir(tmp_path)

    async def trial(models: Models) -> None:
        await models.begin()
        assert models.names() == ["demo", NAME]
        assert models.get("demo").bundle.digest == Store(store).history("demo")[-1]

    tried(store, trial)


def test_versions_are_digits_of_the_digest(store: Path) -> None:
    (digest,) = store_in(store, 1)

    async def trial(models: Models) -> None:
        await models.begin()
        for given in ("", digest[:6], digest):
            assert models.get(NAME, given).bundle.digest == digest
        for given in (digest[:5], "1", "x" * 100_000):
            with pytest.raises(UsageError, match="is not served") as caught:
                models.get(NAME, given)
            assert len(str(caught.value)) < 300

    tried(store, trial)


def begun(store: Path, options: Options) -> LogsentryError | Models:
    found: list[Any] = []

    async def trial(models: Models) -> None:
        try:
            await models.begin()
        except LogsentryError as error:
            found.append(error)
        else:
            found.append([models.get(name).scorer.panel.degraded for name in models.names()])

    tried(store, trial, options)
    only: LogsentryError | Models = found[0]
    return only


def test_the_provider_that_was_asked_for_runs_or_the_start_fails(store: Path) -> None:
    store_in(store, 1)
    alone, allowed = begun(store, Options(("cuda",))), begun(store, Options(("cuda", "cpu")))
    if allowed == [False]:
        pytest.skip("no GPU is missing here: CUDA works")
    assert isinstance(alone, Unavailable)
    assert "no execution provider of cuda works" in str(alone)
    assert allowed == [True]


def test_a_server_with_nothing_to_serve_says_why_but_an_empty_store_may_fill(store: Path) -> None:
    store.mkdir()
    assert begun(store, Options()) == []
    (digest,) = store_in(store, 1)
    (store / "bundles" / digest / "model.onnx").write_bytes(b"")
    assert isinstance(begun(store, Options()), BundleRefused)
