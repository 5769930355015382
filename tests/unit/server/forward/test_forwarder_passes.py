"""A forwarder goes on from its checkpoint after every trouble, and says what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from logsentry_duckdb.exporter import DuckDb
from services.forwarders import closing_lines, configured, lines, records, until_true

from logsentry.errors import Unavailable
from logsentry.schema.score import Outcome, Scored
from logsentry.server.forward import passes as forwarder_passes
from logsentry.server.forward.forwarder import opened


@pytest.mark.parametrize(
    ("kind", "said", "trouble"),
    [(Unavailable, "the disk is full", "the disk is full"), (ValueError, "a defect", "failed with ValueError")],
)
def test_what_an_exporter_breaks_on_is_scored_once_it_is_whole_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], said: str, trouble: str
) -> None:
    monkeypatch.setattr(forwarder_passes, "AGAIN", (0.2,))
    really, broken = DuckDb.export, [True]

    def export(self: DuckDb, batch: Sequence[Scored]) -> Sequence[Outcome]:
        if broken[0]:
            raise kind(said)
        return really(self, batch)

    monkeypatch.setattr(DuckDb, "export", export)
    found = [*lines(300), *closing_lines()]

    async def serve() -> None:
        (forwarder,) = opened([configured(tmp_path)])
        forwarder.start()
        await forwarder.spool.append(records(found))
        await until_true(lambda: trouble in forwarder.trouble)
        assert forwarder.standing().books.scored == 0
        broken[0] = False
        await until_true(lambda: forwarder.standing().books.scored == len(found) - 1 and not forwarder.trouble)
        standing = forwarder.standing()
        assert (standing.trouble, standing.appended, standing.books.open) == ("", len(found), 1)
        assert standing.windows > 1
        await forwarder.close()

    asyncio.run(serve())
    with duckdb.connect(str(tmp_path / "web.duckdb"), read_only=True) as store:
        rows = store.execute("SELECT original FROM events").fetchall()
    assert sorted(row for (row,) in rows) == sorted(found[:-1])


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    found = [*lines(200), *closing_lines()]

    async def serve(part: Sequence[str], scored: int) -> None:
        (forwarder,) = opened([configured(tmp_path)])
        forwarder.start()
        await forwarder.spool.append(records(part))
        await until_true(lambda: forwarder.standing().books.open + forwarder.standing().books.scored >= scored)
        await forwarder.close()

    asyncio.run(serve(found[:120], 100))
    asyncio.run(serve(found[120:], 82))
    asyncio.run(serve([closing_lines([30])[0]], 2))
    with duckdb.connect(str(tmp_path / "web.duckdb"), read_only=True) as store:
        rows = store.execute("SELECT original FROM events").fetchall()
    assert len(rows) == len(set(rows))
    assert {row for (row,) in rows} >= set(found[:-1])
