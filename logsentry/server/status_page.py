"""`GET /`: what the server serves and how it fares, as a page for a person, or as JSON for everybody else.

The page is one HTML file without script, loads nothing, and asks for itself again every few seconds (`?refresh=0` stops that). Names and
log sentences may come from strangers, so they are escaped, hidden characters are written out, and a Content-Security-Policy allows
nothing but the page's own style, by its hash (W3C CSP Level 3, section 2.3.1).
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

import jinja2
import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from logsentry.reports.templates import environment
from logsentry.server.access import Access
from logsentry.server.answers import as_json
from logsentry.server.figures import Figures, Watch
from logsentry.server.measures import Measures
from logsentry.server.models import Models
from logsentry.server.recent import Recent, Trouble
from logsentry.server.wording import ago, clock, count, lasting, rate, size

EVERY = 5
"""Seconds between two loads of the page; `?refresh=` takes 1 to 3600, or 0 for never."""

LOGIN = {"www-authenticate": 'Basic realm="logsentry: any name, and the token as password", charset="UTF-8"'}


class StatusPage:
    """The handler. It looks at tokens itself, since a browser has to be asked for one in its own way."""

    def __init__(self, models: Models, measures: Measures, access: Access, recent: Recent) -> None:
        self._watch, self._access, self._recent = Watch(models, measures), access, recent

    async def answer(self, request: Request) -> Response:
        page = wants_page(request)
        allowed = self._access.allows(request.headers.get("authorization"), "read")
        if not allowed:
            status, said = (
                (401, "a token is needed that this server knows") if allowed is None else (403, "this role may not see it")
            )
            challenge = {} if allowed is False else LOGIN if page else {"www-authenticate": "Bearer"}
            return HTMLResponse(said, status, challenge | headers()) if page else as_json({"error": said}, status, challenge)
        state = request.app.state
        figures = self._watch.figures(getattr(state, "forwarders", ()), getattr(state, "syslog", ()))
        troubles = self._recent.latest()
        if not page:
            return as_json({**msgspec.to_builtins(figures), "troubles": msgspec.to_builtins(troubles)})
        return HTMLResponse(render(figures, troubles, every(request.query_params.get("refresh", ""))), headers=headers())


def wants_page(request: Request) -> bool:
    """A browser says that it takes HTML; curl, Elasticsearch's clients and other programs do not."""
    return "text/html" in request.headers.get("accept", "")


def every(asked: str) -> int:
    return min(int(asked), 3600) if asked.isascii() and asked.isdigit() and len(asked) < 6 else EVERY


def headers() -> dict[str, str]:
    policy = f"default-src 'none'; style-src 'sha256-{_style_hash()}'; img-src data:; base-uri 'none'; form-action 'none'"
    return {
        "content-security-policy": f"{policy}; frame-ancestors 'none'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def render(figures: Figures, troubles: list[Trouble], refresh: int) -> str:
    return _environment().get_template("status.html.j2").render(page=figures, troubles=troubles, refresh=refresh, style=_style())


@cache
def _style() -> Markup:
    return Markup(files("logsentry.server").joinpath("status.css").read_text(encoding="utf-8"))


@cache
def _style_hash() -> str:
    return b64encode(sha256(_style().encode()).digest()).decode()


@cache
def _environment() -> jinja2.Environment:
    found = environment("logsentry.server")
    found.filters.update(count=count, rate=rate, lasting=lasting, clock=clock, ago=ago, size=size)
    return found
