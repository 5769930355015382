"""The server's log: one line an event whatever stands in it, names of ECS, and no secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.server.answered import Answered
from logsentry.server.ecs_logs import LONGEST, EcsLines, access, fields, write_to

NASTY = "a\nb\r\x1b[31mred\x1b[0m\x9b31m\u2028\u202e\x7f\x00\ud800"


def line(record: logging.LogRecord) -> dict[str, Any]:
    text = EcsLines().format(record)
    assert text.isascii()
    assert text.isprintable()
    found: dict[str, Any] = json.loads(text)
    return found


def record(message: str, *arguments: Any, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("logsentry.test", logging.WARNING, __file__, 1, message, arguments, more.pop("exc_info", None))
    made.__dict__.update(more)
    return made


@given(st.text())
def test_any_text_stays_in_its_line_and_comes_out_as_it_was(text: str) -> None:
    assert line(record("%s", text))["message"] == text
    assert line(record("x", **fields(url__path=text)))["url.path"] == text


def test_newlines_escapes_and_surrogates_do_not_act() -> None:
    assert line(record("%s", NASTY))["message"] == NASTY


def test_the_names_are_those_of_ecs() -> None:
    found = line(record("hello"))
    assert found["@timestamp"].endswith("Z")
    assert (found["log.level"], found["log.logger"], found["service.name"]) == ("warning", "logsentry.test", "logsentry")
    assert {"ecs.version", "process.pid", "message"} <= set(found)


def test_an_exception_is_in_the_same_line_with_its_trace() -> None:
    try:
        raise ValueError(NASTY)
    except ValueError as error:
        found = line(record("it failed", exc_info=(type(error), error, error.__traceback__)))
    assert (found["error.type"], found["error.message"]) == ("ValueError", NASTY)
    assert "test_ecs_logs.py" in found["error.stack_trace"]


def test_a_long_text_is_cut_in_its_middle() -> None:
    found = line(record("%s", "a" * 10_000_000 + "z"))
    assert len(found["message"]) < LONGEST + 100
    assert found["message"].endswith("z")
    assert "characters left out" in found["message"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn.error")
    before = root.handlers[:], root.level, uvicorn.level
    stream = io.StringIO()
    write_to(stream)
    yield stream
    root.handlers[:], root.level, uvicorn.level = before[0], before[1], before[2]
    logging.captureWarnings(False)


def test_every_logger_writes_so(log: io.StringIO) -> None:
    logging.getLogger("anything.else").warning("one\ntwo")
    logging.getLogger("uvicorn.error").info("not told")
    (only,) = log.getvalue().splitlines()
    assert json.loads(only)["message"] == "one\ntwo"


def test_a_request_is_one_line_without_query_headers_or_body(log: io.StringIO) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def nothing(*_: Any) -> Any:
        return {}

    scope = {
        "type": "http", "method": "GET", "path": "/v2/" + NASTY, "query_string": b"token=secret", "client": ("192.0.2.7", 5),
        "headers": [(b"authorization", b"Bearer secret")],
    }  # fmt: skip
    asyncio.run(Answered(app, [access])(scope, nothing, nothing))
    (only,) = log.getvalue().splitlines()
    found = json.loads(only)
    assert (found["http.request.method"], found["url.path"], found["http.response.status_code"]) == ("GET", "/v2/" + NASTY, 204)
    assert found["source.ip"] == "192.0.2.7"
    assert found["event.duration"] > 0
    assert "secret" not in only
