"""What was acknowledged is there after any end of the process, and what was scored makes room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from services.spools import arrived, filled, lines, reread

from logsentry.errors import Unavailable
from logsentry.server.spool.folder import Spool, SpoolFull, SpoolTooSmall
from logsentry.server.spool.segments import FIRST, HEAD_BYTES, framed, segments


def test_what_is_appended_is_read_back_in_order_also_by_the_next_start(tmp_path: Path) -> None:
    groups = [[b"one", b"two"], [b""], [b"\xff\x00", b"x" * 100_000]]
    found = filled(tmp_path, groups)
    assert lines(found) == [b"one", b"two", b"", b"\xff\x00", b"x" * 100_000]
    assert reread(tmp_path)[0] == lines(found)
    assert reread(tmp_path, found[1].behind)[0] == lines(found)[2:]


def test_segments_wholly_behind_the_checkpoint_are_deleted_and_make_room(tmp_path: Path) -> None:
    async def use() -> None:
        spool = Spool(tmp_path, most_bytes=8_000, segment_bytes=1_000)
        record = arrived(b"x" * 200)
        for _ in range(20):
            await spool.append([record])
        with pytest.raises(SpoolFull, match="may hold 8,000"):
            await spool.append([record] * 15)
        with pytest.raises(SpoolTooSmall, match="send less at a time"):
            await spool.append([record] * 40)
        found = list(spool.read())
        assert spool.appended == len(found) == 20
        spool.settle(found[-1].behind)
        assert len(segments(tmp_path)) == 1
        assert spool.size == segments(tmp_path)[0].path.stat().st_size
        await spool.append([record])
        assert len(list(spool.read(found[-1].behind))) == 1
        await spool.close()

    asyncio.run(use())


def test_two_servers_on_one_spool_are_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(Unavailable, match="another server uses the spool"):
        Spool(tmp_path)
    spool.abandon()
    Spool(tmp_path).abandon()


def test_a_head_has_the_size_that_the_format_says() -> None:
    assert len(framed([b"abc"], 1, FIRST)) == HEAD_BYTES + 3
