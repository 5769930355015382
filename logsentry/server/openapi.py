"""`/openapi.json`: this interface as an OpenAPI 3.1 document, made of the same structs that requests are read into.

Which statuses a route has is written here beside its route; a test holds routes and document against each other.
Source: OpenAPI Specification 3.1.1 (openapis.org).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from logsentry import __version__
from logsentry.server.inference import INTEGERS, RepositoryRequest
from logsentry.server.tensors import InferRequest

JSON, BINARY, TEXT = "application/json", "application/octet-stream", "text/plain"

SAID = {
    400: "The request is wrong; the error says how.",
    401: "A token is needed.",
    403: "The token's role, or the way the server was started, does not allow it.",
    404: "There is no such model, version or source here.",
    408: "The request was not sent in time.",
    409: "The bundle was refused; what served before serves on.",
    413: "The request is larger than the limits.",
    415: "The body is packed in a way that is not read.",
    429: "Too much is waiting; ask again after Retry-After seconds.",
    500: "A defect; the server's log tells of it.",
    503: "Nothing can answer just now; ask again after Retry-After seconds.",
    504: "The deadline passed before the request was judged.",
}
ALWAYS = (401, 403, 500)
OF_A_BODY = (400, 408, 413, 415)

MODEL = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}, "description": "A name in the store."}
VERSION = {**MODEL, "name": "version", "description": "At least six digits of the digest of the bundle that serves."}
SOURCE = {**MODEL, "name": "source", "description": "The kind of log, for instance http-access."}
CHOSEN = {
    "name": "model",
    "in": "query",
    "schema": {"type": "string"},
    "description": "Needed where several models read this source.",
}
FORM = {
    "name": "as",
    "in": "query",
    "schema": {"type": "string", "enum": ["raw", "events"], "default": "raw"},
    "description": "raw: the source's own format. events: ECS documents, one JSON object a line.",
}
BINARY_TENSORS = (
    "As application/octet-stream: the JSON, whose length in bytes the header Inference-Header-Content-Length says, and then the values of "
    "the tensors that have a binary_data_size. Which ids a model takes, its metadata says; others are refused with 400."
)


@cache
def document() -> dict[str, Any]:
    (infer, repository), components = msgspec.json.schema_components(
        (InferRequest, RepositoryRequest), ref_template="#/components/schemas/{name}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "logsentry",
            "version": __version__,
            "description": "Scores windows of log events: the open inference protocol v2, and raw logs.",
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**components, **SCHEMAS},
        },
        "security": [{"token": []}, {}],
        "paths": {**_health(), **_models(infer), **_repository(repository), **_logs(), **_about()},
    }


def _health() -> dict[str, Any]:
    live, ready = (
        _operation("Alive", _json("Live")),
        _operation("Ready to score", _json("Ready"), also=(503,), body_of_503="Ready"),
    )
    text = _operation("Alive", {TEXT: {"schema": {"type": "string"}}})
    paths = {"/healthz": text, "/readyz": ready, "/v2/health/live": live, "/v2/health/ready": ready}
    return {path: {"get": _open(each)} for path, each in paths.items()}


def _models(infer: Mapping[str, Any]) -> dict[str, Any]:
    asked = {JSON: {"schema": infer}, BINARY: {"schema": {"type": "string", "format": "binary"}}}
    answered = {**_json("InferAnswer"), BINARY: {"schema": {"type": "string", "format": "binary"}}}
    found: dict[str, Any] = {}
    for path, named in (("/v2/models/{model}", [MODEL]), ("/v2/models/{model}/versions/{version}", [MODEL, VERSION])):
        about = _operation("What a model takes and answers", _json("ModelMetadata"), named, also=(404,))
        ready = _operation("Whether a model serves", _json("ModelReady"), named, also=(404,))
        judged = _operation("Score windows of key ids", answered, named, (*OF_A_BODY, 404, 429, 503, 504), asked)
        judged["requestBody"]["description"] = BINARY_TENSORS
        found |= {path: {"get": about}, f"{path}/ready": {"get": ready}, f"{path}/infer": {"post": judged}}
    return found


def _repository(asked: Mapping[str, Any]) -> dict[str, Any]:
    body = {JSON: {"schema": asked}}
    index = _operation("What the store names", _json("Index"), [], OF_A_BODY, body, required=False)
    plain = _json("LoadRequest")
    load = _operation(
        "Serve what a name points to", _json("Nothing"), [MODEL], (*OF_A_BODY, 404, 409, 503), plain, required=False
    )
    unload = _operation("Serve a name no more", _json("Nothing"), [MODEL], (*OF_A_BODY, 404), body, required=False)
    found = {"index": index, "models/{model}/load": load, "models/{model}/unload": unload}
    return {f"/v2/repository/{path}": {"post": each} for path, each in found.items()}


def _logs() -> dict[str, Any]:
    asked = {TEXT: {"schema": {"type": "string"}}, BINARY: {"schema": {"type": "string", "format": "binary"}}}
    named: list[dict[str, Any]] = [SOURCE, CHOSEN, FORM]
    scored = _operation("Score raw logs", _json("Scored"), named, (*OF_A_BODY, 404, 429, 503, 504), asked, required=False)
    return {"/v1/score/{source}": {"post": scored}}


def _about() -> dict[str, Any]:
    server = _operation("What this server is", _json("ServerMetadata"))
    metrics = _operation("Figures for Prometheus", {TEXT: {"schema": {"type": "string"}}})
    this = _operation("This document", {JSON: {"schema": {"type": "object"}}})
    return {"/v2": {"get": server}, "/metrics": {"get": metrics}, "/openapi.json": {"get": this}}


def _operation(
    summary: str,
    answer: Mapping[str, Any],
    parameters: list[dict[str, Any]] | None = None,
    also: tuple[int, ...] = (),
    body: Mapping[str, Any] | None = None,
    required: bool = True,
    body_of_503: str = "Error",
) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": "Done.", "content": answer}}
    for status in sorted({*ALWAYS, *also}):
        headers = {"Retry-After": {"schema": {"type": "integer"}}} if status in (429, 503) else {}
        content = _json(body_of_503 if status == 503 else "Error")
        answers[str(status)] = {"description": SAID[status], "content": content, **({"headers": headers} if headers else {})}
    found: dict[str, Any] = {"summary": summary, "responses": answers}
    if parameters:
        found["parameters"] = parameters
    if body is not None:
        found["requestBody"] = {"required": required, "content": body}
    return found


def _open(operation: dict[str, Any]) -> dict[str, Any]:
    """Of a route that needs no token."""
    answers = {status: each for status, each in operation["responses"].items() if status not in ("401", "403")}
    return {**operation, "responses": answers, "security": [{}]}


def _json(name: str) -> dict[str, Any]:
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


STRING, NUMBER, FLAG, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "integer"}
TENSOR = _object({"name": STRING, "datatype": STRING, "shape": {"type": "array", "items": WHOLE}})
OUTPUT = _object(TENSOR["properties"], {"data": {"type": "array"}, "parameters": {"type": "object"}})
SCHEMAS: dict[str, Any] = {
    "Error": _object({"error": STRING}),
    "Live": _object({"live": FLAG}),
    "Ready": _object({"ready": FLAG}, {"why": {"type": "array", "items": STRING, "description": "Of /readyz, where it is not."}}),
    "Nothing": {"type": "object", "maxProperties": 0},
    "LoadRequest": {"type": "object", "properties": {"ready": FLAG, "parameters": {"type": "object", "maxProperties": 0}}},
    "ServerMetadata": _object({"name": STRING, "version": STRING, "extensions": {"type": "array", "items": STRING}}),
    "ModelReady": _object({"name": STRING, "ready": FLAG}),
    "ModelMetadata": _object(
        {
            "name": STRING,
            "versions": {"type": "array", "items": STRING},
            "platform": STRING,
            "inputs": {"type": "array", "items": TENSOR, "description": f"ids may also come as {', '.join(INTEGERS)}"},
            "outputs": {"type": "array", "items": TENSOR},
        }
    ),
    "InferAnswer": _object(
        {"model_name": STRING, "model_version": STRING, "outputs": {"type": "array", "items": OUTPUT}},
        {"id": STRING, "parameters": {"type": "object"}},
    ),
    "Index": {"type": "array", "items": _object({"name": STRING, "version": STRING, "state": STRING, "reason": STRING})},
    "Scored": _object(
        {
            "model": STRING,
            "scores": {"type": "array", "items": {"type": "object"}, "description": "As `logsentry score` writes them."},
            "books": {"type": "object", "additionalProperties": WHOLE},
            "rejected": {"type": "array", "items": _object({"line": {"type": ["integer", "null"]}, "reason": STRING})},
        }
    ),
}
