"""The published document against the routes that are there: neither knows an address that the other does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.routing import Route

from logsentry.errors import LogsentryError
from logsentry.scoring.scorer import Options
from logsentry.server.access import Access
from logsentry.server.answers import STATUS
from logsentry.server.app import Settings, routes
from logsentry.server.limits import Limits
from logsentry.server.measures import Measures
from logsentry.server.models import Models
from logsentry.server.openapi import SAID, document


def served() -> set[tuple[str, str]]:
    models = Models(Path("nowhere"), Options(), Limits())
    found: list[Route] = routes(Settings(Path("nowhere")), Access({}), models, Measures(models))
    return {(route.path, method.lower()) for route in found for method in route.methods or () if method != "HEAD"}


def test_routes_and_document_are_the_same() -> None:
    assert served() == {(path, method) for path, operations in document()["paths"].items() for method in operations}


def test_every_reference_leads_somewhere() -> None:
    known = document()["components"]["schemas"]
    names = set(re.findall(r"'#/components/schemas/(\w+)'", repr(document())))
    assert names <= set(known)
    assert {"InferRequest", "Error"} <= names


def test_every_status_of_an_error_is_described() -> None:
    assert {status for _, status in STATUS} <= set(SAID)
    assert all(issubclass(kind, LogsentryError) for kind, _ in STATUS)


def test_paths_name_their_parameters() -> None:
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            named: list[dict[str, Any]] = operation.get("parameters", [])
            assert re.findall(r"\{(\w+)\}", path) == [each["name"] for each in named if each["in"] == "path"]
