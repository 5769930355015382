"""A client of this server, for `logsentry client` and for other programs: one request, and when to ask again.

    client = Client(Connection("https://scores:8642", token=Secret("…"), ca_file="authority.pem"))
    answer = client.score("http-access", lines)

A busy server is asked again until the deadline (`asking`): scoring changes nothing on it, so a second try is harmless. Files and what is
printed are left to `posting`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import orjson

from logsentry.errors import Unavailable
from logsentry.schema.books import Books
from logsentry.server.asking import Asking, Connection

__all__ = ["Answer", "Client", "Connection", "Model", "Rejected"]


class Rejected(msgspec.Struct, frozen=True):
    """A record that could not be read. Without a line, the rest of what was sent could not be."""

    line: int | None
    reason: str


class Answer(msgspec.Struct, frozen=True):
    """`scores` are the documents that `logsentry score` writes, in the order of the input."""

    model: str
    scores: list[dict[str, Any]]
    books: Books
    rejected: list[Rejected]


class Model(msgspec.Struct, frozen=True):
    """A name in the server's store; `reason` is why its newest bundle does not serve."""

    name: str
    version: str
    state: str
    reason: str = ""


class Client:
    """Raises, from every method: `UsageError` where the server does not know what or whom it is asked for, `InputError` where it does not
    take what was sent, `Unavailable` where it did not answer before the deadline, `LogsentryError` where it failed."""

    def __init__(self, connection: Connection, notice: Callable[[str], None] = lambda _: None) -> None:
        """`notice` hears why it waits, once for each reason. Raises `UsageError` for an address or certificates that are none."""
        self._asking, self._compress = Asking(connection, notice), connection.compress

    def score(self, source: str, logs: bytes, model: str = "", form: str = "raw") -> Answer:
        """Scores of raw records of a source, or, with `form` "events", of ECS documents, one a line."""
        query = urlencode({"as": form} | ({"model": model} if model else {}))
        headers = {"content-type": "application/octet-stream"}
        if self._compress:
            logs, headers["content-encoding"] = gzip.compress(logs, 1), "gzip"
        said = self._asking.ask("POST", f"/v1/score/{quote(source, safe='')}?{query}", logs, headers)
        answer: Answer = self._read(said, Answer)
        return answer

    def models(self) -> list[Model]:
        rows: list[Model] = self._read(self._asking.ask("POST", "/v2/repository/index", b"{}"), list[Model])
        return rows

    def load(self, name: str) -> None:
        self._asking.ask("POST", f"/v2/repository/models/{quote(name, safe='')}/load", b"{}")

    def unload(self, name: str) -> None:
        self._asking.ask("POST", f"/v2/repository/models/{quote(name, safe='')}/unload", b"{}")

    def close(self) -> None:
        self._asking.close()

    def _read(self, data: bytes, kind: Any) -> Any:
        try:
            return msgspec.convert(orjson.loads(data), kind)
        except (orjson.JSONDecodeError, msgspec.ValidationError) as error:
            raise Unavailable(f"{self._asking.at} answers as no logsentry server does: {error}") from error
