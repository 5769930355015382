"""Models that go wrong while they serve (no numbers, an error for one window, a session that is gone): who is told what, and who is not."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from services.asgi import ask
from services.model_server import DEMO, NAME, Answer, store_in

from logsentry.scoring.scorer import Options
from logsentry.server.access import Access
from logsentry.server.app import Settings, application
from logsentry.server.served import Served

GOOD, BAD = [3, 5, 6, 4], [3, 7, 7, 4]
LINES = gzip.decompress((DEMO.parent / "logs" / "attacks.log.gz").read_bytes())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "store"
    store_in(folder, 1)
    return folder


def tried(store: Path, trial: Callable[[Any, Served], Awaitable[None]]) -> None:
    async def whole() -> None:
        app = application(Settings(store, Options(table=0)), Access({}))
        async with app.router.lifespan_context(app):
            await trial(app, app.state.models.get(NAME))

    asyncio.run(whole())


def infer(app: Any, *windows: list[int]) -> Awaitable[Answer]:
    tensor = {"name": "ids", "datatype": "INT64", "shape": [len(windows), 4], "data": windows}
    return ask(app, "POST", f"/v2/models/{NAME}/infer", {"inputs": [tensor]})


def meddle(served: Served, changed: Callable[[Any], Any]) -> None:
    """From now on the scorer's verdicts go through `changed`, each with its window."""
    asked = served.scorer.panel.asked

    def meddled(batch: Any, *how: Any) -> Any:
        verdicts = asked(batch, *how)
        return lambda: [changed((tuple(ids), verdict)) for ids, verdict in zip(batch.tolist(), verdicts(), strict=True)]

    served.scorer.panel.asked = meddled  # type: ignore[method-assign]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_is_an_error_for_its_request_alone(store: Path, value: float) -> None:
    async def trial(app: Any, served: Served) -> None:
        def changed(pair: Any) -> Any:
            return msgspec.structs.replace(pair[1], value=value) if pair[0] == tuple(BAD) else pair[1]

        meddle(served, changed)
        answers = await asyncio.gather(*(infer(app, BAD if number == 3 else GOOD) for number in range(8)))
        assert [answer.status for answer in answers] == [200, 200, 200, 500, 200, 200, 200, 200]
        assert "a value that is no number" in answers[3].json()["error"]

    tried(store, trial)


def test_a_window_that_makes_the_scorer_raise_fails_alone(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def trial(app: Any, served: Served) -> None:
        def changed(pair: Any) -> Any:
            if pair[0] == tuple(BAD):
                raise ZeroDivisionError("secret of the scorer")
            return pair[1]

        meddle(served, changed)
        answers = await asyncio.gather(*(infer(app, BAD if number in (0, 5) else GOOD) for number in range(8)))
        assert [answer.status for answer in answers] == [503, 200, 200, 200, 200, 503, 200, 200]
        assert answers[0].json() == {"error": "the model failed on this request; the server's log says why"}
        assert answers[0].headers["retry-after"] == "1"

    with caplog.at_level(logging.ERROR, "logsentry.server"):
        tried(store, trial)
    assert "secret of the scorer" in caplog.text


def test_a_session_that_is_gone_is_said_and_not_passed_over(store: Path) -> None:
    async def trial(app: Any, served: Served) -> None:
        (seat,) = served.scorer.panel.seats

        def gone(*_: Any) -> Any:
            raise RuntimeError("CUDA error: device-side assert, /opt/driver")

        seat.judge.session.run = gone  # type: ignore[attr-defined]
        for answer in (await infer(app, GOOD), await ask(app, "POST", "/v1/score/http-access", LINES)):
            assert answer.status == 503
            assert answer.json() == {"error": "the model failed on this request; the server's log says why"}

    tried(store, trial)


def test_a_model_on_another_provider_than_the_first_says_so_in_each_answer(store: Path) -> None:
    async def trial(app: Any, served: Served) -> None:
        assert "parameters" not in (await infer(app, GOOD)).json()
        (seat,) = served.scorer.panel.seats
        seat.judge.session.degraded = True  # type: ignore[attr-defined]
        assert (await infer(app, GOOD)).json()["parameters"] == {"degraded": True}
        raw = await ask(app, "POST", "/v1/score/http-access", LINES)
        assert all(score["degraded"] for score in raw.json()["scores"])

    tried(store, trial)


def test_a_defect_of_the_server_is_a_number_to_the_client_and_a_trace_in_the_log(
    store: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trial(app: Any, served: Served) -> None:
        def broken(*_: Any) -> Any:
            raise KeyError("/etc/secret")

        monkeypatch.setattr("logsentry.server.inference.answer", broken)
        answer = await infer(app, GOOD)
        assert answer.status == 500
        assert "/etc" not in answer.body.decode()
        number = answer.json()["error"].rpartition(" ")[2]
        assert number in caplog.text
        assert "/etc/secret" in caplog.text

    with caplog.at_level(logging.ERROR, "logsentry.server"):
        tried(store, trial)
