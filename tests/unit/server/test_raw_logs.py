"""Raw logs and events in this process: whatever a client sends is scored or told back to it, and many requests at once are bounded."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from services.asgi import ask
from services.model_server import NAME, store_in

from logsentry.scoring.scorer import Options
from logsentry.server import rawlogs
from logsentry.server.access import Access
from logsentry.server.app import Settings, application
from logsentry.server.limits import Limits
from logsentry.store.bundles import Store

PATH = "/v1/score/http-access"
LINE = b'192.0.2.1 - - [19/May/2015:05:06:43 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/7"\n'
FIELDS = (
    "@timestamp", "message", "event.id", "event.original", "source.ip", "source.address", "http.request.method", "url.original", "url.path",
    "url.query", "http.response.status_code", "http.response.body.bytes", "user_agent.original", "user.name", "host.name",
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw") / "store"
    store_in(folder)
    return folder


def tried(store: Path, trial: Callable[[Any], Awaitable[None]], limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
    async def whole() -> None:
        app = application(Settings(store, Options(), limits), Access({}))
        async with app.router.lifespan_context(app):
            await trial(app)

    asyncio.run(whole())


def strange(dice: random.Random) -> Any:
    """A value of any type, the right ones among them."""
    return dice.choice([
        None, True, -1, 404, 2**63, 1.5, 1e300, "", "GET", "/a?b=c", "192.0.2.1", "\x00\ud800".encode("utf-16", "surrogatepass").hex(),
        "x" * 5000, [], [1, 2], ["a", None], {}, {"a": {"b": 1}}, "2015-05-19T00:00:00Z", "‮/ا",
    ])  # fmt: skip


def document(dice: random.Random) -> bytes:
    names = dice.sample(FIELDS, dice.randrange(len(FIELDS)))
    return json.dumps({name: strange(dice) for name in names}).encode() + b"\n"


def test_events_of_any_shape_are_scored_or_rejected(store: Path) -> None:
    dice = random.Random(1)

    async def trial(app: Any) -> None:
        for _ in range(20):
            sent = [document(dice) for _ in range(50)]
            answer = await ask(app, "POST", PATH, b"".join(sent), query="as=events")
            assert answer.status == 200, answer.body[:500]
            books = answer.json()["books"]
            assert books["read"] == 50 == books["scored"] + books["duplicate"] + books["filtered"] + books["dead_lettered"]
            assert books["dead_lettered"] == len(answer.json()["rejected"])

    tried(store, trial)


def test_lines_of_any_bytes_are_scored_or_rejected(store: Path) -> None:
    dice = random.Random(2)

    async def trial(app: Any) -> None:
        for _ in range(20):
            line = bytearray(LINE * 10)
            for _ in range(dice.randrange(1, 40)):
                line[dice.randrange(len(line))] = dice.randrange(256)
            answer = await ask(app, "POST", PATH, bytes(line))
            assert answer.status in (200, 415), answer.body[:500]

    tried(store, trial)


def test_a_swap_while_requests_wait_for_their_turn_fails_none(store: Path) -> None:
    first, second = Store(store).history(NAME)[-1], next(d for d in Store(store).digests() if d != Store(store).history(NAME)[-1])

    async def trial(app: Any) -> None:
        asked = [asyncio.create_task(ask(app, "POST", PATH, LINE * 50)) for _ in range(3 * rawlogs.AT_ONCE)]
        await asyncio.sleep(0.01)
        Store(store).promote(NAME, second)
        await app.state.models.look()
        answers = await asyncio.gather(*asked)
        assert [answer.status for answer in answers] == [200] * len(answers)
        assert {answer.json()["model"] for answer in answers} <= {f"{NAME}@{first[:12]}", f"{NAME}@{second[:12]}"}

    tried(store, trial)


def test_more_requests_than_can_wait_are_429(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rawlogs, "AT_ONCE", 1)

    async def trial(app: Any) -> None:
        answers = await asyncio.gather(*(ask(app, "POST", PATH, LINE) for _ in range(20)))
        assert sorted(answer.status for answer in answers) == [200] * 8 + [429] * 12
        refused = next(answer for answer in answers if answer.status == 429)
        assert (refused.headers["retry-after"], "requests are waiting" in refused.json()["error"]) == ("1", True)

    tried(store, trial)


def test_windows_past_what_may_wait_are_429_and_not_a_hang(store: Path) -> None:
    async def trial(app: Any) -> None:
        lines = b"".join(LINE.replace(b"192.0.2.1", b"192.0.%d.%d" % divmod(number, 250)) for number in range(400))
        answer = await asyncio.wait_for(ask(app, "POST", PATH, lines), 30)
        assert answer.status in (413, 429)

    tried(store, trial, Limits(waiting=100))
