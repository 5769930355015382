"""The tables of a DuckDB store, and opening one: `exporter.py` writes them, `store.py` reads them.

Times are UTC in microseconds: nanoseconds since 1970 in 64 bits end in 2262, and logs hold the years 1601 and 9999.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from logsentry.sdk import InputError, Unavailable

TABLES = {
    "scores": {
        "id": "VARCHAR PRIMARY KEY", "time": "TIMESTAMP", "source": "VARCHAR", "detector": "VARCHAR", "key": "VARCHAR",
        "value": "DOUBLE", "p_value": "DOUBLE", "threshold": "DOUBLE", "alert": "BOOLEAN", "events": "BIGINT", "why": "JSON",
        "votes": "VARCHAR", "degraded": "BOOLEAN", "run": "VARCHAR",
    },
    "events": {
        "score": "VARCHAR", "position": "BIGINT", "id": "VARCHAR", "time": "TIMESTAMP", "message": "VARCHAR",
        "original": "VARCHAR", "fields": "JSON",
    },
    "runs": {
        "id": "VARCHAR PRIMARY KEY", "source": "VARCHAR", "detector": "VARCHAR", "inputs": "VARCHAR[]", "threshold": "DOUBLE",
        "calibrated_on": "BIGINT", "alerts_per_day": "DOUBLE", "read": "BIGINT", "scored": "BIGINT", "duplicate": "BIGINT",
        "filtered": "BIGINT", "dead_lettered": "BIGINT", "attainable": "DOUBLE",
    },
    "verdicts": {
        "score": "VARCHAR", "run": "VARCHAR", "value": "DOUBLE", "p_value": "DOUBLE", "threshold": "DOUBLE", "alert": "BOOLEAN",
        "votes": "VARCHAR", "degraded": "BOOLEAN",
    },
}  # fmt: skip

ADDED = {"runs": ("attainable",), "verdicts": tuple(TABLES["verdicts"])}
"""Columns that stores written before lack: read as they are, completed when something is written to them."""

_MAGIC = b"DUCK"
_MAGIC_AT = 8  # after the checksum of the main header (duckdb.org/docs/internals/storage)


def connect(path: str, read_only: bool) -> Any:
    """A connection to a store with these tables; a new file is made where one is to be written.

    Raises `InputError` where the file is something else, and `Unavailable` where another process has it open.
    """
    _check(Path(path), read_only)
    try:
        connection = duckdb.connect(path, read_only=read_only)
    except (duckdb.IOException, duckdb.ConnectionException) as error:
        if isinstance(error, duckdb.ConnectionException) or "lock" in str(error):
            raise Unavailable(f"the store {path} is open in another program; close it there, or write to another file") from error
        raise InputError(f"cannot open the store {path}: {str(error).splitlines()[0]}") from error
    try:
        _compare(connection, path, read_only)
        if not read_only:
            _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(path: Path, read_only: bool) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(_MAGIC_AT + len(_MAGIC))
    except FileNotFoundError:
        if read_only:
            raise InputError(f"there is no store {path}") from None
        return
    except OSError as error:
        raise InputError(f"cannot open the store {path}: {error.strerror}") from error
    if head[_MAGIC_AT:] != _MAGIC:
        raise InputError(f"{path} is not a DuckDB store; give another file")


def _create(connection: Any) -> None:
    for table, columns in TABLES.items():
        defined = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({defined})")
    connection.execute("ALTER TABLE runs ADD COLUMN IF NOT EXISTS attainable DOUBLE DEFAULT 0")


def _compare(connection: Any, path: str, read_only: bool) -> None:
    """Tables that are not there at all are made where the store is written."""
    for table, columns in TABLES.items():
        found, added = columns_of(connection, table), ADDED.get(table, ())
        before = [column for column in columns if column not in added]
        if found not in (list(columns), before) and (found or read_only):
            raise InputError(f"{path} is a DuckDB file, but its table {table} is not one of logsentry; give another file")


def columns_of(connection: Any, table: str) -> list[str]:
    """The names of a table's columns, in order; none where there is no such table."""
    sql = "SELECT column_name FROM information_schema.columns WHERE table_name = ? ORDER BY ordinal_position"
    return [name for (name,) in connection.execute(sql, [table]).fetchall()]
