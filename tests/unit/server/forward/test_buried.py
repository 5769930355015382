"""A forwarder's dead letters have a size past which it takes nothing, reads nothing and loses nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from services.asgi import ask
from services.forwarders import closing_lines, configured, lines, records, until_true
from services.model_server import store_in

from logsentry.pipeline.deadletters import PENDING
from logsentry.pipeline.letters import letters, rewrite
from logsentry.schema.record import Record
from logsentry.server.access import Access
from logsentry.server.app import Settings, application
from logsentry.server.forward.buried import Buried
from logsentry.server.forward.forwarder import Forwarder, opened
from logsentry.server.limits import Limits
from logsentry.server.spool.folder import SpoolFull

LIMIT = 500_000
BAD = [f"this is no access line: {number} {'x' * 4000}" for number in range(600)]


def test_the_limit_is_the_size_on_disk_and_letters_that_are_taken_out_make_room(tmp_path: Path) -> None:
    buried = Buried(tmp_path / "dead", 1000, "config", "bundle", now=iter(range(100)).__next__)
    assert (buried.full(), buried.size) == ("", 0)
    for number in range(4):
        buried.write(Record(b"x" * 100, "test", "test", number, {}), "http-access", "no line")
    buried.flush()
    assert buried.size > 1000
    assert "may have 1,000" in buried.full()
    assert str(tmp_path) not in buried.full(), "it is said to clients"
    assert {letter.said["bundle"] for letter in letters(tmp_path / "dead")} == {"bundle"}
    rewrite(tmp_path / "dead", lambda letter: None)
    assert (buried.full(), buried.size) == ("", 0)


def test_letters_say_the_bundle_that_was_in_force(tmp_path: Path) -> None:
    buried = Buried(tmp_path / "dead", 1 << 20, "config", "one")
    for number, bundle in enumerate(["one", "two"]):
        buried.begin(bundle)
        buried.write(Record(b"x", "test", "test", number, {}), "http-access", "no line")
        buried.flush()
    assert [letter.said["bundle"] for letter in letters(tmp_path / "dead")] == ["one", "two"]


def test_a_place_that_cannot_be_looked_at_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in Buried(tmp_path / "file" / "dead", 1000, "", "").full()


def test_a_forwarder_stands_still_at_the_limit_and_goes_on_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = [*lines(100), *closing_lines()]
    dead = tmp_path / "dead"

    async def serve() -> int:
        (forwarder,) = opened([configured(tmp_path)], Limits(dead_letter_bytes=LIMIT))
        forwarder.start()
        await forwarder.spool.append(records(BAD + good))
        await until_true(lambda: "dead letters" in forwarder.standing().trouble)
        await until_true(lambda: forwarder.standing().books.open == 0)
        read = forwarder.standing().books.read
        with pytest.raises(SpoolFull, match="nothing more is taken"):
            await forwarder.spool.append(records(good[:1]))
        await asyncio.sleep(0.6)
        assert forwarder.standing().books.read == read < len(BAD), "the rest waits in the spool"
        assert forwarder.standing().dead_letter_bytes >= LIMIT
        while forwarder.standing().books.dead_lettered < len(BAD):
            rewrite(dead, lambda letter: said.append(letter.said["record"]))
            before = forwarder.standing().books.read
            await until_true(lambda before=before: settled(forwarder, before))
        await until_true(lambda: forwarder.standing().books.open == 1 and forwarder.standing().books.scored == len(good) - 1)
        size = dead.stat().st_size
        rewrite(dead, lambda letter: said.append(letter.said["record"]))
        await until_true(lambda: forwarder.standing().trouble == "")
        await forwarder.spool.append(records(good[:1]))
        await forwarder.close()
        return size

    said: list[str] = []
    with caplog.at_level(logging.INFO, "logsentry.server"):
        size = asyncio.run(serve())
    assert Counter(said) == Counter(BAD), "each once"
    assert size < LIMIT + PENDING + 5000
    assert any("stands still" in record.getMessage() and str(dead) in record.getMessage() for record in caplog.records)
    with duckdb.connect(str(tmp_path / "web.duckdb"), read_only=True) as store:
        rows = store.execute("SELECT original FROM events").fetchall()
    assert sorted(row for (row,) in rows) == sorted(good[:-1])


def settled(forwarder: Forwarder, before: int) -> bool:
    """It has read on, and either stands still again or has read everything."""
    standing = forwarder.standing()
    return standing.books.read > before and (bool(standing.trouble) or standing.books.dead_lettered == len(BAD))


def test_intake_and_readiness_say_why(tmp_path: Path) -> None:
    """As they are answered: 429 for each item, 503 to a collector's client, 503 with the reason at /readyz."""
    config = configured(tmp_path)
    config.write_text(config.read_text().replace("bulk: true", "bulk: true\n  hec: true"))
    store_in(tmp_path / "store", 1)
    settings = Settings(tmp_path / "store", limits=Limits(dead_letter_bytes=LIMIT), forward=(config,))
    line = json.dumps({"message": lines(1)[0]}).encode()

    async def serve() -> None:
        app = application(settings, Access({}))
        async with app.router.lifespan_context(app):
            bulk = await ask(app, "POST", "/_bulk", b'{"index":{}}\n' + line + b"\n")
            assert bulk.json()["items"][0]["index"]["status"] == 201
            assert (await ask(app, "GET", "/readyz")).json() == {"ready": True}
            (tmp_path / "dead").write_bytes(b'{"id": "' + b"0" * LIMIT + b'"}\n')
            (forwarder,) = app.state.forwarders
            await until_true(lambda: bool(forwarder.refuses()))
            bulk = await ask(app, "POST", "/_bulk", b'{"index":{}}\n' + line + b"\n")
            item = bulk.json()["items"][0]["index"]
            assert (item["status"], "dead letters" in item["error"]["reason"]) == (429, True)
            collector = await ask(app, "POST", "/services/collector/event", b'{"event": "x"}')
            assert (collector.status, collector.json()["code"], collector.headers["retry-after"]) == (503, 9, "1")
            assert (await ask(app, "GET", "/services/collector/health")).status == 503
            ready = await ask(app, "GET", "/readyz")
            assert ready.status == 503
            assert ready.json()["why"][0].startswith("web: the dead letters have reached 500,0")
            assert (await ask(app, "GET", "/v2/health/ready")).status == 200, "models alone"
            assert "Not ready" in (await ask(app, "GET", "/", headers={"accept": "text/html"})).body.decode()
            assert str(tmp_path) not in ready.body.decode()
            metrics = (await ask(app, "GET", "/metrics")).body.decode()
            assert 'logsentry_forward_trouble{forward="web"} 1.0' in metrics
            assert f'logsentry_forward_dead_letter_most_bytes{{forward="web"}} {float(LIMIT)}' in metrics

    asyncio.run(serve())
