"""Files sent to a server, and what came back put together: what `logsentry client score` does.

A window is made of one request's lines alone. So a file is sent whole, in one request, and its scores are those of `logsentry score`,
byte for byte. A file beyond the server's limits has to be cut (`chunk_lines`): then a session that crosses a cut is judged as two,
and its windows have other ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import add
from pathlib import Path
from typing import BinaryIO

import msgspec
import orjson

from logsentry.errors import InputError, LogsentryError
from logsentry.schema.books import Books
from logsentry.sdk import Progress
from logsentry.server.bodies import STDIN, expanded, opened, requests
from logsentry.server.client import Answer, Client


class Refusal(msgspec.Struct, frozen=True):
    """A record that the server could not read: in which file, at which line."""

    path: str
    line: int
    reason: str


class Posted(msgspec.Struct):
    """What has come back. `failure` is why the rest of a file, or that of all files, was not scored; `ended` is the file it ended at."""

    model: str = ""
    windows: int = 0
    alerts: int = 0
    books: Books = Books()
    refusals: list[Refusal] = []
    failure: LogsentryError | None = None
    ended: str = ""


class Plan(msgspec.Struct, frozen=True):
    """What is asked: of which model, about which source, in which form, and whether files are cut after so many lines."""

    source: str
    model: str = ""
    form: str = "raw"
    chunk_lines: int = 0


def post(client: Client, plan: Plan, paths: Sequence[str], write: Callable[[bytes], None], progress: Progress) -> Posted:
    """Score files, in order; `write` is given a JSON line a window as soon as its request is answered.

    Raises `InputError` before anything is sent where a file is missing. What `Client.score` raises ends it, and is its `failure`.
    """
    files = expanded(paths)
    posted, sent = Posted(), 0
    total = 0 if STDIN in files else sum(Path(path).stat().st_size for path in files)
    for path in files:
        with opened(path) as file:
            try:
                for answer, lines in _answers(client, plan, path, file):
                    _add(posted, answer, path, lines)
                    write(b"".join(orjson.dumps(score, option=orjson.OPT_APPEND_NEWLINE) for score in answer.scores))
                    progress(min(total, sent + _told(file)), total, path)
            except LogsentryError as error:
                posted.failure, posted.ended = error, path
                return posted
            sent += _told(file)
    return posted


def _answers(client: Client, plan: Plan, path: str, file: BinaryIO) -> Iterator[tuple[Answer, int]]:
    """Each answer, with how many lines of the file were before its own."""
    lines = 0
    for request in requests(file, path, plan.chunk_lines):
        yield client.score(plan.source, request, plan.model, plan.form), lines
        lines += request.count(b"\n")


def _add(posted: Posted, answer: Answer, path: str, lines: int) -> None:
    posted.model = answer.model
    posted.windows += len(answer.scores)
    posted.alerts += sum(bool(score.get("alert")) for score in answer.scores)
    posted.books = Books(*map(add, msgspec.structs.astuple(posted.books), msgspec.structs.astuple(answer.books)))
    for rejected in answer.rejected:
        if rejected.line is None:
            posted.failure = InputError(f"{path}: {rejected.reason}")
        else:
            posted.refusals.append(Refusal(path, lines + rejected.line, rejected.reason))


def _told(file: BinaryIO) -> int:
    return file.tell() if file.seekable() else 0
