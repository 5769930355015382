"""What was settled is known to the next start, and damage makes nothing settled that was not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from logsentry.errors import Unavailable
from logsentry.schema.record import Record
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.input import SpoolInput
from logsentry.server.spool.records import Arrived, Place
from logsentry.server.spool.segments import segments
from logsentry.server.spool.settled import OWN, OwnIds, Settled, own_digest


def spooled(folder: Path, owns: list[str], requests: int = 0) -> list[Record]:
    """Records of a new spool, as its input gives them out."""

    async def fill() -> list[Record]:
        spool = Spool(folder)
        await spool.append([Arrived(b"line %d" % n, "", "", 0, own, "", requests) for n, own in enumerate(owns)])
        reading = SpoolInput(spool, "web").read()
        found = [record for record in (next(reading) for _ in owns) if record is not None]
        await spool.close()
        return found

    return asyncio.run(fill())


def test_only_what_was_flushed_is_known_to_the_next(tmp_path: Path) -> None:
    records = spooled(tmp_path, ["", "", "", ""])
    settled = Settled(tmp_path)
    settled.add(records[2])
    settled.add(records[0])
    settled.flush()
    settled.add(records[1])
    again = Settled(tmp_path)
    assert [record in again for record in records] == [True, False, True, False]


def test_half_an_entry_and_a_damaged_one_cost_themselves_alone(tmp_path: Path) -> None:
    records = spooled(tmp_path, ["", "", ""])
    settled = Settled(tmp_path)
    for record in records[:2]:
        settled.add(record)
    settled.flush()
    path = next(tmp_path.glob("*.settled"))
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(bytes(data) + b"half")
    again = Settled(tmp_path)
    assert [record in again for record in records] == [False, True, False]
    again.add(records[2])
    again.flush()
    assert [record in Settled(tmp_path) for record in records] == [False, True, True]


def test_a_record_sent_again_under_its_id_is_known_wherever_it_lies_now(tmp_path: Path) -> None:
    first, other = spooled(tmp_path, ["web/1", "web/2"])
    settled = Settled(tmp_path)
    settled.add(first)
    settled.flush()
    moved = Record(first.data, first.input, first.origin, 0, {"segment": 9, "spool": "0" * 32, "offset": 77})
    assert first.origin.startswith(OWN)
    assert moved in Settled(tmp_path)
    assert other not in Settled(tmp_path)
    changed = Record(b"another content", first.input, first.origin, 0, moved.cursor)
    assert changed not in Settled(tmp_path)
    assert own_digest(changed) != own_digest(first)


def test_own_ids_take_turns_between_two_files_and_the_last_are_kept(tmp_path: Path) -> None:
    ids = OwnIds(tmp_path, recent=10)
    for number in range(35):
        ids.add(number)
        ids.flush()
        again = OwnIds(tmp_path, recent=10)
        assert all(known in again for known in range(max(0, number - 9), number + 1)), number
    assert 0 not in again
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2 * 10 * 12


def test_who_waits_for_a_request_hears_of_each_record_once_it_is_on_disk(tmp_path: Path) -> None:
    heard: list[int] = []
    records = spooled(tmp_path, ["", ""], requests=41)
    settled = Settled(tmp_path, heard.extend)
    for record in records:
        settled.add(record)
    assert heard == []
    settled.flush()
    settled.flush()
    assert heard == [41, 41]


def test_marks_go_with_their_segment(tmp_path: Path) -> None:
    async def fill() -> None:
        spool = Spool(tmp_path, segment_bytes=100)
        for number in range(5):
            await spool.append([Arrived(b"%03d" % number * 30, "", "", 0)])
        reading = SpoolInput(spool, "web").read()
        settled = Settled(tmp_path)
        for _ in range(5):
            record = next(reading)
            assert record is not None
            settled.add(record)
        settled.flush()
        assert len(list(tmp_path.glob("*.settled"))) == 5
        settled.forget(spool.settle(Place(int(record.cursor["segment"]), int(record.cursor["offset"]))))
        assert len(list(tmp_path.glob("*.settled"))) == len(segments(tmp_path)) == 1
        await spool.close()

    asyncio.run(fill())


def test_where_it_cannot_be_written_what_waits_is_kept_and_the_file_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = spooled(tmp_path, ["", "web/1"])
    settled = Settled(tmp_path)
    for record in records:
        settled.add(record)
    really, broken = os.fsync, [True]

    def sync(descriptor: int) -> None:
        if broken[0]:
            raise OSError(28, "No space left on device")
        really(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(Unavailable, match="No space left"):
        settled.flush()
    assert [record in Settled(tmp_path) for record in records] == [False, False]
    broken[0] = False
    settled.flush()
    assert [record in Settled(tmp_path) for record in records] == [True, True]
