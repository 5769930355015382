"""Scores, their events and their runs in one DuckDB file, the store that needs no server: `duckdb:FILE`.

    exporters:
      - duckdb: {path: scores.duckdb}

A score is stored once, by its id, together with its events in one transaction. Where another run judges the same window again, perhaps
under another threshold, its verdict is kept beside that of the first. Reading back is in `store.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import duckdb
import msgspec

from logsentry.sdk import Delivered, Event, Outcome, Rejected, Run, Score, Scored, Unavailable, readable
from logsentry_duckdb.schema import TABLES, connect
from logsentry_duckdb.store import Store

_REFUSED = (duckdb.InvalidInputException, duckdb.DataError, UnicodeEncodeError, OverflowError)
"""What one item's values can cause: half a surrogate pair, a number beyond its column."""

_TAKE = "UPDATE scores SET run = ? WHERE run = '' AND detector = ? AND threshold = ?"


class DuckDbConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`path` is made where there is no such file."""

    path: str


class DuckDb:
    """Raises `InputError` where the file is no store, and `Unavailable` where another process has it open."""

    Config: ClassVar[type[msgspec.Struct]] = DuckDbConfig
    Reader: ClassVar[type[Store]] = Store

    def __init__(self, config: DuckDbConfig) -> None:
        self._path = config.path
        self._connection = connect(config.path, read_only=False)
        self._run = ""

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        """A batch is stored whole or not at all; raises `Unavailable` where the disk is full."""
        ids = [item.id for item in batch]
        try:
            owners = self._owners(ids)
            there = set(owners)
            fresh = {id_: item for id_, item in zip(ids, batch, strict=True) if id_ not in there}
            refused = self._store(fresh)
            self._judge_again(
                {id_: item for id_, item in zip(ids, batch, strict=True) if owners.get(id_, self._run) != self._run}
            )
        except duckdb.Error as error:
            raise self._unavailable(error) from error
        return [self._outcome(id_, there, refused) for id_ in ids]

    def record_run(self, run: Run) -> None:
        """Keep one row for the run, in place of an earlier one of the same id; scores of its threshold that had none belong to it."""
        books = run.books
        row = [
            run.id, run.source, run.detector, list(run.inputs), run.threshold, run.calibrated_on, run.alerts_per_day, books.read,
            books.scored, books.duplicate, books.filtered, books.dead_lettered, run.attainable,
        ]  # fmt: skip
        try:
            self._in_transaction(
                (f"INSERT OR REPLACE INTO runs VALUES ({', '.join('?' * len(row))})", row),
                (_TAKE, [run.id, run.detector, run.threshold]),
            )
        except duckdb.Error as error:
            raise self._unavailable(error) from error
        self._run = run.id

    def close(self) -> None:
        self._connection.close()

    def _owners(self, ids: list[str]) -> dict[str, str]:
        """{id: the run that stored it} of the scores that are there."""
        sql = "SELECT id, run FROM scores WHERE id IN (SELECT unnest(?::VARCHAR[]))"
        return dict(self._connection.execute(sql, [ids]).fetchall())

    def _judge_again(self, items: dict[str, Scored]) -> None:
        """Keep this run's verdicts on scores that another run stored, once; a run that is not known yet has none to keep."""
        if not items or not self._run:
            return
        earlier = "DELETE FROM verdicts WHERE run = ? AND score IN (SELECT unnest(?::VARCHAR[]))"
        rows = [[id_, self._run, *_verdict(item.score)] for id_, item in items.items()]
        self._in_transaction((earlier, [self._run, list(items)]), _insert("verdicts", rows))

    def _store(self, items: dict[str, Scored]) -> dict[str, str]:
        """{id: why} of items that the store cannot hold; all others are in it."""
        if not items:
            return {}
        try:
            self._in_transaction(_insert("scores", self._scores(items)), _insert("events", _events(items)))
        except _REFUSED as error:
            if len(items) == 1:
                return {next(iter(items)): str(error).splitlines()[0]}
            half, pairs = len(items) // 2, list(items.items())
            return {**self._store(dict(pairs[:half])), **self._store(dict(pairs[half:]))}
        return {}

    def _scores(self, items: dict[str, Scored]) -> list[list[Any]]:
        return [[id_, *_score(item), self._run] for id_, item in items.items()]

    def _in_transaction(self, *statements: tuple[str, list[Any]]) -> None:
        self._connection.execute("BEGIN")
        try:
            for statement, values in statements:
                self._connection.execute(statement, values)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    def _outcome(self, id_: str, there: set[str], refused: dict[str, str]) -> Outcome:
        if id_ in refused:
            return Rejected(f"the store cannot hold the score {id_}: {refused[id_]}")
        duplicate = id_ in there
        there.add(id_)  # the same id later in this batch
        return Delivered(duplicate)

    def _unavailable(self, error: duckdb.Error) -> Unavailable:
        return Unavailable(f"cannot write scores to {self._path}: {str(error).splitlines()[0]}")


def _score(item: Scored) -> list[Any]:
    window, score = item.window, item.score
    return [
        _microseconds(window.time), window.events[0].source, score.detector, window.key, score.value, score.p_value,
        score.threshold, score.alert, len(window.events), msgspec.json.encode(score.why).decode(), score.votes, score.degraded,
    ]  # fmt: skip


def _verdict(score: Score) -> list[Any]:
    return [score.value, score.p_value, score.threshold, score.alert, score.votes, score.degraded]


def _events(items: dict[str, Scored]) -> list[list[Any]]:
    return [
        [id_, position, event.id, _microseconds(event.time), event.message, readable(event.original), _fields(event)]
        for id_, item in items.items()
        for position, event in enumerate(item.window.events)
    ]


def _microseconds(time: int | None) -> int | None:
    return None if time is None else time // 1000


def _fields(event: Event) -> str:
    return msgspec.json.encode(event.fields).decode()


def _insert(table: str, rows: list[list[Any]]) -> tuple[str, list[Any]]:
    """One statement with a list for each column: 5 µs a row were measured so, against 187 with `executemany`."""
    kinds = [kind.removesuffix(" PRIMARY KEY") for kind in TABLES[table].values()]
    places = ", ".join("make_timestamp(unnest(?::BIGINT[]))" if kind == "TIMESTAMP" else f"unnest(?::{kind}[])" for kind in kinds)
    return f"INSERT INTO {table} SELECT {places}", [list(column) for column in zip(*rows, strict=True)]
