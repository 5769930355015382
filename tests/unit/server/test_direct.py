"""What is answered past the router is what the router would have answered, and is counted under the same route."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from services.asgi import ask
from services.model_server import NAME, Answer, store_in
from starlette.applications import Starlette
from starlette.routing import Route

from logsentry.server.access import Access, Role
from logsentry.server.app import Settings, application
from logsentry.server.direct import Direct
from logsentry.store.bundles import Store

TOKENS: dict[str, Role] = {"r" * 32: "read", "s" * 32: "score"}
BODY = {"inputs": [{"name": "ids", "datatype": "INT64", "shape": [2, 4], "data": [3, 5, 6, 4, 3, 1, 4, 0]}]}
ADDRESSES = (f"/v2/models/{NAME}/infer", "/v2/models/{version}/infer", f"/v2/models/{NAME}/versions/{{version}}/infer")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("direct") / "store"
    store_in(folder, 1)
    return folder


def served(store: Path, trial: Callable[[Starlette], Awaitable[None]]) -> None:
    async def whole() -> None:
        app = application(Settings(store), Access(TOKENS))
        async with app.router.lifespan_context(app):
            await trial(app)

    asyncio.run(whole())


async def both(app: Starlette, method: str, path: str, body: Any = BODY, token: str = "s" * 32) -> tuple[Answer, Answer]:
    """The answer of the whole application and that of its router alone."""
    headers = {"authorization": f"Bearer {token}"}
    assert Direct in [each.cls for each in app.user_middleware]
    plain = Starlette(routes=app.routes, exception_handlers=app.exception_handlers)
    return await ask(app, method, path, body, headers), await ask(plain, method, path, body, headers)


def test_direct_and_routed_answers_are_the_same(store: Path) -> None:
    version = Store(store).history(NAME)[-1][:12]
    paths = [*ADDRESSES, "/v2/models/a/b/infer", "/v2/models//infer", f"/v2/models/{NAME}/infer/"]
    asked = (("POST", BODY), ("POST", b"{"), ("POST", {"inputs": []}), ("GET", None), ("PUT", b""))

    async def trial(app: Starlette) -> None:
        for path, (method, body) in product(paths, asked):
            direct, routed = await both(app, method, path.format(version=version), body)
            assert (direct.status, direct.body, dict(direct.headers)) == (routed.status, routed.body, dict(routed.headers))

    served(store, trial)


def test_who_may_not_score_is_refused_before_the_body_is_read(store: Path) -> None:
    async def trial(app: Starlette) -> None:
        for token, status in (("r" * 32, 403), ("x" * 32, 401)):
            direct, routed = await both(app, "POST", ADDRESSES[0], token=token)
            assert (direct.status, direct.body) == (routed.status, routed.body)
            assert direct.status == status

    served(store, trial)


def test_requests_are_counted_under_their_route(store: Path) -> None:
    async def trial(app: Starlette) -> None:
        headers = {"authorization": "Bearer " + "s" * 32}
        assert (await ask(app, "POST", ADDRESSES[0], BODY, headers)).status == 200
        text = (await ask(app, "GET", "/metrics", headers=headers)).body.decode()
        assert 'route="/v2/models/{model}/infer",status="200"} 1.0' in text

    served(store, trial)


def test_another_kind_of_connection_goes_on(store: Path) -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Direct(inner, [Route("/", inner)])({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
