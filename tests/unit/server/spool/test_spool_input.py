"""A spool as an input: in order, without end, going on where a cursor says."""

from __future__ import annotations

import asyncio
import shutil
from itertools import islice
from pathlib import Path

from logsentry.schema.event import event_id
from logsentry.schema.record import Record
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.input import SpoolInput, present
from logsentry.server.spool.records import Arrived


def arrived(text: str, own: str = "", lacks: str = "") -> Arrived:
    return Arrived(text.encode(), "_bulk", "::1", 0, own, lacks)


def fill(spool: Spool, *records: Arrived) -> None:
    asyncio.run(spool.append(records))


def whole(records: list[Record | None]) -> list[Record]:
    return [record for record in records if record is not None]


def test_none_where_there_is_nothing_and_then_what_comes(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    reading = SpoolInput(spool, "web").read()
    assert next(reading) is None
    fill(spool, arrived("one"), arrived("two"))
    assert [record.data for record in whole(list(islice(reading, 2)))] == [b"one", b"two"]
    assert next(reading) is None
    fill(spool, arrived("three"))
    third = next(reading)
    assert third is not None
    assert (third.data, third.input) == (b"three", "web _bulk")
    spool.abandon()


def test_it_goes_on_behind_a_cursor_over_segments_and_starts(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=100)
    for number in range(8):
        fill(spool, arrived(f"{number}" * 40))
    first = whole(list(islice(SpoolInput(spool, "web").read(), 8)))
    spool.abandon()
    again = Spool(tmp_path, segment_bytes=100)
    for number, record in enumerate(first[:-1]):
        rest = whole(list(islice(SpoolInput(again, "web").read(record.cursor), 7 - number)))
        assert rest == first[number + 1 :], "the same records have the same ids"
    again.abandon()


def test_a_cursor_of_another_spool_begins_at_the_start(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    fill(spool, arrived("old"), arrived("older"))
    (_, cursor) = (record.cursor for record in whole(list(islice(SpoolInput(spool, "web").read(), 2))))
    spool.abandon()
    shutil.rmtree(tmp_path)
    fresh = Spool(tmp_path)
    fill(fresh, arrived("new"))
    assert [record.data for record in whole([next(SpoolInput(fresh, "web").read(cursor))])] == [b"new"]
    fresh.abandon()


def test_a_record_with_an_id_of_the_clients_has_the_same_event_id_wherever_it_lies(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    fill(spool, arrived("line", "web/1"), arrived("line", "web/1"), arrived("line", "web/2"), arrived("line"), arrived("line"))
    ids = [event_id(record) for record in whole(list(islice(SpoolInput(spool, "web").read(), 5)))]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    spool.abandon()


def test_a_document_without_its_field_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    fill(spool, arrived("{}", lacks="message"))
    (record,) = whole([next(SpoolInput(spool, "web").read())])
    assert record.lacks == "message"
    spool.abandon()


def test_present_is_what_a_pass_would_begin_with_and_changes_nothing(tmp_path: Path) -> None:
    assert list(present(tmp_path, "web", None)) == []
    spool = Spool(tmp_path, segment_bytes=100)
    for number in range(6):
        fill(spool, arrived("x" * 80), arrived(str(number), own=f"id-{number}", lacks="message"))
    found = whole(list(islice(SpoolInput(spool, "web").read(), 12)))
    spool.abandon()
    last = max(tmp_path.glob("*.spool"))
    with last.open("ab") as file:
        file.write(b"half a record")
    before = last.read_bytes()
    assert list(present(tmp_path, "web", None)) == found
    assert list(present(tmp_path, "web", found[6].cursor)) == found[7:]
    assert last.read_bytes() == before
