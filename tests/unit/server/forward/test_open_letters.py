"""Letters whose records are open: found among those of others, and taken out where the record is read again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from services.spools import arrived

from logsentry.errors import Unavailable
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.letters import letters
from logsentry.schema.event import event_id
from logsentry.schema.record import Cursor, Record
from logsentry.server.forward.open_letters import open_ids, withdraw
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.input import present
from logsentry.server.spool.settled import Settled


@pytest.fixture
def spooled(tmp_path: Path) -> list[Record]:
    """Six records in a spool that nobody has; the fifth and sixth came with ids of their client's own, and the second and the sixth
    have ended."""
    spool = Spool(tmp_path / "spool")
    asyncio.run(spool.append([*(arrived(b"%d" % number) for number in range(4)), arrived(b"a", "one"), arrived(b"b", "two")]))
    spool.abandon()
    found = list(present(spool.folder, "web", None))
    settled = Settled(spool.folder)
    settled.add(found[1])
    settled.add(found[5])
    settled.flush()
    return found


def buried(path: Path, *found: Record, score: str = "") -> None:
    dead = DeadLetters(path)
    for record in found:
        dead.write(record, "http-access", "no", score=score)
    dead.flush()


def wanted(*found: Record) -> set[tuple[str, int]]:
    return {(record.origin, record.offset) for record in found}


def test_open_is_what_lies_behind_the_cursor_and_has_no_mark(tmp_path: Path, spooled: list[Record]) -> None:
    def open_behind(cursor: Cursor | None) -> set[str]:
        return open_ids("web", tmp_path / "spool", cursor, wanted(*spooled))

    assert open_behind(None) == {event_id(spooled[number]) for number in (0, 2, 3, 4)}
    assert open_behind(spooled[2].cursor) == {event_id(spooled[number]) for number in (3, 4)}
    assert open_ids("web", tmp_path / "spool", None, wanted(spooled[0], spooled[1])) == {event_id(spooled[0])}


def test_a_spool_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"cannot read the spool .*: No such file"):
        open_ids("web", tmp_path / "spool", None, {("spool/1", 0)})


def test_letters_of_what_is_read_again_are_taken_out_and_no_others(tmp_path: Path, spooled: list[Record]) -> None:
    path = tmp_path / "dead"
    foreign = Record(spooled[3].data, "other _bulk", spooled[3].origin, spooled[3].offset, {})
    buried(path, spooled[0], spooled[1], spooled[4], spooled[5])
    buried(path, spooled[2], score="5c0e")
    buried(path, foreign)
    with path.open("ab") as file:
        file.write(b'{"id": "half a li')
    withdraw(path, "web", tmp_path / "spool", None)
    left = [letter.id for letter in letters(path)]
    assert left == [event_id(spooled[1]), event_id(spooled[5]), event_id(spooled[2]), event_id(foreign)]


def test_nothing_is_written_where_nothing_is_open(tmp_path: Path, spooled: list[Record]) -> None:
    path = tmp_path / "dead"
    withdraw(path, "web", tmp_path / "spool", None)
    assert not path.exists()
    buried(path, spooled[1])
    before = path.stat()
    withdraw(path, "web", tmp_path / "spool", None)
    withdraw(path, "web", tmp_path / "no spool yet", None)
    assert path.stat() == before
    with pytest.raises(Unavailable, match="cannot read the dead letters"):
        withdraw(tmp_path, "web", tmp_path / "spool", None)
