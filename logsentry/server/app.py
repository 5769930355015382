"""The server as an application: which address is answered by what, and who may ask.

GET  /healthz /readyz                                     for load balancers; no token
GET  /v2 /v2/health/live|ready /v2/models/{m}[…]          the open inference protocol
POST /v2/models/{m}[/versions/{v}]/infer
POST /v2/repository/index|models/{m}/load|unload          (the last two only when enabled)
POST /v1/score/{source}                                   raw logs in, explained scores out
POST /intake/{name}/… /_bulk /services/collector…         what forwarders deliver, where --forward is given (`intake/routes.py`)
GET  /metrics /openapi.json /                             Prometheus, the document of this interface, a status page
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from logsentry.scoring.scorer import Options
from logsentry.server import ecs_logs
from logsentry.server.access import Access, Role
from logsentry.server.answered import Answered, Told
from logsentry.server.answers import Disabled, Handler, as_json, guarded, refused_by_routing
from logsentry.server.direct import Direct
from logsentry.server.forward import forwarder as forwarding
from logsentry.server.forward.forwarder import Forwarder
from logsentry.server.inference import Inference, Repository
from logsentry.server.intake import routes as intake
from logsentry.server.limits import Limits
from logsentry.server.measures import CONTENT_TYPE, Measures
from logsentry.server.models import Models
from logsentry.server.openapi import document
from logsentry.server.rawlogs import RawLogs
from logsentry.server.readiness import Readiness
from logsentry.server.recent import Recent
from logsentry.server.status_page import StatusPage
from logsentry.server.syslog import listener as syslog_listener
from logsentry.server.tracing import Traced, Tracing, wanted
from logsentry.server.web_pages import NoPages

EXTENSIONS = ("binary_tensor_data", "model_repository")


class Settings(msgspec.Struct, frozen=True):
    """What a server is started with. `follow_seconds` is how often the store is looked at; `control` allows loading and unloading;
    `access_log` writes a line for each request."""

    store: Path
    options: Options = Options()
    limits: Limits = Limits()
    control: bool = False
    follow_seconds: float = 2.0
    access_log: bool = False
    forward: tuple[Path, ...] = ()
    """Configurations of what forwarders may deliver."""


def application(settings: Settings, access: Access) -> Starlette:
    """The ASGI application. Bundles are opened when it starts, unless that was done before, and closed, after the last request, when it
    ends."""
    tracing = Tracing() if wanted() else None
    models = Models(settings.store, settings.options, settings.limits)
    forwarders = forwarding.opened(settings.forward, settings.limits, settings.follow_seconds)
    syslog = syslog_listener.listeners(forwarders)
    measures, recent = Measures(models, forwarders, syslog), Recent(settings.store)
    page = guarded(StatusPage(models, measures, access, recent).answer, None, access)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with recent.listening():
            if not models.looked:
                await models.begin()
            follow = asyncio.create_task(models.follow(settings.follow_seconds))
            for forwarder in forwarders:
                forwarder.start()
            try:
                yield
            finally:
                follow.cancel()
                with suppress(asyncio.CancelledError):
                    await follow
                await asyncio.gather(*(each.stop() for each in syslog))
                await asyncio.gather(*(forwarder.close() for forwarder in forwarders))
                await models.close()
                if tracing is not None:
                    await asyncio.to_thread(tracing.close)

    unrouted = {404: refused_by_routing, 405: refused_by_routing}
    own = routes(settings, access, models, measures, forwarders)
    known = [*intake.routes(forwarders, access, settings.limits, page), *own]
    app = Starlette(routes=[*known, Route("/", page)], lifespan=lifespan, exception_handlers=unrouted)
    app.add_middleware(Direct, routes=[route for route in own if route.path.endswith("/infer")])
    if access.open:
        app.add_middleware(NoPages)
    told: list[Told] = [measures.answered, *([ecs_logs.access] if settings.access_log else [])]
    app.add_middleware(Answered, told=told)
    if tracing is not None:
        app.add_middleware(Traced, tracing=tracing)
    app.state.models, app.state.forwarders, app.state.syslog = models, forwarders, syslog
    return app


def routes(
    settings: Settings, access: Access, models: Models, measures: Measures, forwarders: Sequence[Forwarder] = ()
) -> list[Route]:
    inference, repository, raw = Inference(models, EXTENSIONS), Repository(models), RawLogs(models)
    readiness = Readiness(models, forwarders)

    def route(path: str, handler: Handler, role: Role | None, method: str = "GET") -> Route:
        return Route(path, guarded(handler, role, access), methods=[method])

    def controlled(handler: Handler) -> Handler:
        return handler if settings.control else disabled

    async def metrics(request: Request) -> Response:
        return Response(measures.text(), media_type=CONTENT_TYPE)

    async def described(request: Request) -> Response:
        return as_json(document())

    found = [
        route("/healthz", alive, None),
        route("/readyz", readiness.answer, None),
        route("/v2/health/live", inference.live, None),
        route("/v2/health/ready", inference.ready, None),
        route("/v2", inference.server, "read"),
        route("/v2/repository/index", repository.index, "read", "POST"),
        route("/v2/repository/models/{model}/load", controlled(repository.load), "admin", "POST"),
        route("/v2/repository/models/{model}/unload", controlled(repository.unload), "admin", "POST"),
        route("/v1/score/{source}", raw.score, "score", "POST"),
        route("/metrics", metrics, "read"),
        route("/openapi.json", described, "read"),
    ]
    for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        found += [
            route(model, inference.model, "read"),
            route(model + "/ready", inference.model_ready, "read"),
            route(model + "/infer", inference.infer, "score", "POST"),
        ]
    return found


async def alive(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def disabled(request: Request) -> Response:
    raise Disabled("loading and unloading is off on this server; start it with --control to allow it")
