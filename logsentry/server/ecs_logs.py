r"""The server's own log: one JSON object a line on stderr, in names of the Elastic Common Schema (ECS).

What a client sends may stand in a message. Everything that is not printable ASCII is written as a JSON escape, so that neither a
newline begins a line of its own nor a terminal acts on an escape sequence. No header, query or body is ever logged.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

from logsentry.server.answered import Message

ECS = "9.0.0"
LONGEST = 8192
"""Characters of one text in a line; a traceback is cut in its middle."""

LOG = logging.getLogger("logsentry.server")
ACCESS = logging.getLogger("logsentry.access")


class EcsLines(logging.Formatter):
    """What a call adds with `extra=fields(…)` stands beside `message`, under its dotted ECS name."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "log.level": record.levelname.lower(),
            "message": cut(record.getMessage()),
            "ecs.version": ECS,
            "log.logger": record.name,
            "service.name": "logsentry",
            "service.type": "logsentry",
            "process.pid": os.getpid(),
            **getattr(record, "ecs", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["error.type"] = type(error).__name__
            line["error.message"] = cut(str(error))
            line["error.stack_trace"] = cut("".join(traceback.format_exception(error)))
        return json.dumps(line, ensure_ascii=True, default=str).replace("\x7f", "\\u007f")


def fields(**named: Any) -> dict[str, Any]:
    """For `extra=`: `fields(model__name="web")` becomes `model.name`."""
    return {"ecs": {name.replace("__", "."): cut(value) if isinstance(value, str) else value for name, value in named.items()}}


def cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {len(text) - LONGEST:,} characters left out … {text[-half:]}"


def write_to(stream: TextIO, level: int = logging.INFO) -> None:
    """From now on every logger of this process writes ECS lines, and nothing else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EcsLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # it tells of each step of starting; we tell of the whole
    logging.captureWarnings(True)


def to_stderr(quiet: bool) -> None:
    write_to(sys.stderr, logging.WARNING if quiet else logging.INFO)


def access(scope: Message, status: int, seconds: float) -> None:
    """One line for a request that is over: who, what, how it ended, how long it took in nanoseconds."""
    told = fields(
        http__request__method=scope["method"],
        url__path=scope["path"],
        http__response__status_code=status,
        event__duration=round(seconds * 1e9),
        source__ip=(scope.get("client") or ("",))[0],
    )
    ACCESS.info("%s %s %s", scope["method"], scope["path"], status or "was not answered", extra=told)
