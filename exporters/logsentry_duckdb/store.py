"""Reading a DuckDB store back: its runs, its scores and their events, for the report and for anyone with a question."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal, get_args

import duckdb
import msgspec

from logsentry.sdk import Columns, InputError, Run, StoredEvent, StoredScore, UsageError
from logsentry_duckdb.schema import columns_of, connect

Order = Literal["value", "time"]


_TIME = "epoch_us(time) * 1000::HUGEINT AS time"
_ORDERS: dict[str, str] = {"value": "scores.value DESC, p_value, scores.time, id", "time": "scores.time NULLS LAST, id"}
_OF_RUN = """(
    SELECT * FROM scores WHERE run = $run UNION ALL
    SELECT scores.* REPLACE (
        again.value AS value, again.p_value AS p_value, again.threshold AS threshold, again.alert AS alert, again.votes AS votes,
        again.degraded AS degraded, again.run AS run
    ) FROM scores JOIN verdicts AS again ON again.score = scores.id WHERE again.run = $run
) AS scores"""
"""What a run stored, and its own verdicts on what an earlier run had stored."""

_OF_RUN_BEFORE = "(SELECT * FROM scores WHERE run = $run) AS scores"
"""The same of a store that was written before verdicts were kept."""


class Store:
    """A store opened for reading. Raises `InputError` where it is missing or is none, `Unavailable` where a run is writing it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection = connect(path, read_only=True)
        self._of_run = _OF_RUN if columns_of(self._connection, "verdicts") else _OF_RUN_BEFORE

    def runs(self) -> list[Run]:
        rows = self._rows("SELECT * FROM runs ORDER BY id")
        return [msgspec.convert({**row, "books": row}, Run) for row in rows]

    def scores(self, order: Order = "value", limit: int = 20, run: str | None = None) -> list[StoredScore]:
        """The strangest first, or in order of time; of one run, or of all."""
        if order not in get_args(Order):
            raise UsageError(f"scores can be ordered by {' or '.join(get_args(Order))}, not by {order!r}")
        rows = self._scores(run, f"* REPLACE ({_TIME})", f"ORDER BY {_ORDERS[order]} LIMIT {limit:d}")
        return [msgspec.convert({**row, "why": msgspec.json.decode(row["why"])}, StoredScore) for row in rows]

    def columns(self, run: str | None = None) -> Columns:
        """Every score's value, time and verdict."""
        rows = self._scores(run, f"value, {_TIME}, alert", f"ORDER BY {_ORDERS['time']}")
        return Columns(*(tuple(row[name] for row in rows) for name in ("value", "time", "alert")))

    def count(self, run: str | None = None) -> int:
        """How many scores there are."""
        return int(self._scores(run, "count(*) AS number")[0]["number"])

    def events_of(self, score: str) -> list[StoredEvent]:
        """The events of one score, in order; none for an id that is not there."""
        rows = self._rows(f"SELECT * REPLACE ({_TIME}) FROM events WHERE score = ? ORDER BY position", [score])
        return [msgspec.convert({**row, "fields": msgspec.json.decode(row["fields"])}, StoredEvent) for row in rows]

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _scores(self, run: str | None, columns: str, rest: str = "") -> list[dict[str, Any]]:
        if run is None:
            return self._rows(f"SELECT {columns} FROM scores {rest}")
        return self._rows(f"SELECT {columns} FROM {self._of_run} {rest}", {"run": run})

    def _rows(self, sql: str, values: list[Any] | dict[str, Any] | None = None) -> list[dict[str, Any]]:
        try:
            answer = self._connection.execute(sql, values or [])
            names = [column[0] for column in answer.description]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        except duckdb.Error as error:
            raise InputError(f"the store {self._path} cannot be read: {str(error).splitlines()[0]}") from error
