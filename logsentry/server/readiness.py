"""`GET /readyz`: whether this server can do all that it was started for, and else why not.

The open inference protocol's own `/v2/health/ready` speaks of models alone; a forwarder that takes nothing counts here as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from logsentry.server.answers import as_json
from logsentry.server.forward.standing import Standing
from logsentry.server.models import Models

NO_MODEL = "no model of the store is served yet"


class Stands(Protocol):
    """A forwarder, as far as this is about it."""

    def standing(self) -> Standing: ...


class Readiness:
    """The handler; it needs no token, so its reasons hold no path and nothing of any log."""

    def __init__(self, models: Models, forwarders: Sequence[Stands]) -> None:
        self._models, self._forwarders = models, forwarders

    async def answer(self, request: Request) -> Response:
        if why := missing(self._models, [each.standing() for each in self._forwarders]):
            return as_json({"ready": False, "why": why}, 503)
        return as_json({"ready": True})


def missing(models: Models, forwarders: Sequence[Standing]) -> list[str]:
    """Why a server is not ready; empty where it is."""
    refused = [f"{each.name}: {each.refuses}" for each in forwarders if each.refuses]
    return refused if models.looked and models.names() else [NO_MODEL, *refused]
