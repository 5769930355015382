"""`POST /v1/score/{source}`: raw lines, or ECS events, in; explained scores out, on the path that `logsentry score` takes.

Windows are made of one request's lines alone, so a session has to arrive whole; what arrives in pieces belongs to a forwarder
(`intake`). Windows of several requests are judged together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from tempfile import NamedTemporaryFile
from typing import Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from logsentry.errors import UsageError
from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.scoring import ScoringPass
from logsentry.schema.books import Books
from logsentry.schema.record import Record
from logsentry.schema.score import Delivered, Outcome, Score, Scored
from logsentry.schema.window import Window
from logsentry.scoring.panel import Verdict
from logsentry.sdk import Source
from logsentry.server import body
from logsentry.server.answers import NotFound, as_json
from logsentry.server.batching import Full
from logsentry.server.ecs_events import EcsEvents
from logsentry.server.models import Models
from logsentry.server.served import Served
from logsentry.text.keys import Keys

AT_ONCE = 4
"""Requests whose logs are decoded at the same time; as many again may wait for each."""

ENCODED_TOGETHER = 256
"""Windows made into key ids in one go in the model's thread, so that others get a turn between."""


class RawLogs:
    """The handler. Decoding happens in threads, judging in the models' own."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._present = 0

    async def score(self, request: Request) -> Response:
        wanted = request.path_params["source"], request.query_params.get("model", "")
        self.chosen(*wanted)  # whatever is wrong with the request is said before its body is read
        source = self._source(wanted[0], request.query_params.get("as", "raw"))
        data = await body.read(request, self._models.limits)
        body.refuse_archive(data)
        if data.count(b"\n") > self._models.limits.lines:
            raise body.TooLarge(f"a request may have {self._models.limits.lines:,} lines")
        if self._present >= 8 * AT_ONCE:
            raise Full(self._present, 1.0, "requests")
        self._present += 1
        try:
            async with self._turns, self.chosen(*wanted).used() as served:  # only now: the one from before may be put away
                loop = asyncio.get_running_loop()
                found = await asyncio.to_thread(scored, served, source, data, loop)
        finally:
            self._present -= 1
        return as_json(found)

    def chosen(self, source: str, model: str) -> Served:
        """The model that is asked for, or the only one for this source."""
        if model:
            served = self._models.served(model)
            if served is None or source not in served.sources:
                raise NotFound(f"no model {model!r} for {source} is served here")
            return served
        reads = {name: self._models.get(name).sources for name in self._models.names()}
        fitting = [name for name, sources in reads.items() if source in sources]
        if not fitting:
            offered = "; ".join(f"{name} reads {', '.join(sources)}" for name, sources in reads.items()) or "no model at all"
            raise NotFound(f"no model for the source {source[:80]!r} is served here, but {offered}")
        if len(fitting) > 1:
            raise NotFound(f"{len(fitting)} models for {source!r} are served here; say ?model=, one of: {', '.join(fitting)}")
        return self._models.get(fitting[0])

    def _source(self, name: str, form: str) -> Source:
        if form not in ("raw", "events"):
            raise UsageError(f"logs come ?as=raw or ?as=events, not {form[:20]!r}")
        own = make_source(name)
        return own if form == "raw" else EcsEvents(own)


def scored(served: Served, source: Source, data: bytes, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
    """Called in a thread: the answer to one request."""
    kept, refused = Kept(), Refused()
    work = ScoringPass(source, Together(served, loop), (kept,), refused)
    with NamedTemporaryFile(prefix="logsentry-request-") as file:
        file.write(data)
        file.flush()
        input_ = make_files([file.name], source)
        try:
            books = work.run(input_, lambda *_: None)
        finally:
            input_.close()
    rejected = refused.rows
    if work.failure is not None:
        rejected.append({"line": None, "reason": str(work.failure).replace(file.name, "the request")})
    return {"model": served.bundle.reference, "scores": kept.documents, "books": _told(books), "rejected": rejected}


def _told(books: Books) -> dict[str, int]:
    found: dict[str, int] = msgspec.to_builtins(books)
    return found


class Together:
    """A scorer whose windows are judged together with those of other requests. Lives in a thread beside the event loop."""

    def __init__(self, served: Served, loop: asyncio.AbstractEventLoop) -> None:
        self._served, self._loop = served, loop

    @property
    def keys(self) -> Keys:
        return self._served.scorer.keys

    def score(self, windows: Sequence[Window]) -> list[Score]:
        scorer, limits = self._served.scorer, self._served.limits
        coded: list[tuple[int, ...]] = []
        for start in range(0, len(windows), ENCODED_TOGETHER):
            part = windows[start : start + ENCODED_TOGETHER]
            coded += self._served.executor.submit(encoded, scorer.keys, part).result()
        asked = self._served.batcher.ask(coded, limits.deadline_seconds)
        verdicts: Sequence[Verdict] = asyncio.run_coroutine_threadsafe(asked, self._loop).result()
        return scorer.scores(windows, verdicts)


def encoded(keys: Keys, windows: Sequence[Window]) -> list[tuple[int, ...]]:
    return [keys.encode(window) for window in windows]


class Kept:
    """An exporter that keeps what `logsentry score` would write."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, config: msgspec.Struct | None = None) -> None:
        self.documents: list[dict[str, Any]] = []

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        self.documents += [item.document() for item in batch]
        return [Delivered()] * len(batch)

    def close(self) -> None:
        """Nothing is open."""


class Refused:
    """What could not be read, told to the client instead of being kept."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, record: Record, source: str, reason: str, *, status: int = 0, error: str = "", score: str = "") -> None:
        self.rows.append({"line": record.cursor.get("line"), "reason": reason})

    def flush(self) -> None:
        """Nothing waits."""
