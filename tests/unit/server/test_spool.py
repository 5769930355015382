"""What was acknowledged is there after any end of the process, and nothing else ever is."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.errors import LogsentryError, Unavailable
from logsentry.server.spool import Arrived, Place, Spool, Spooled, SpoolFull, SpoolTooSmall
from logsentry.server.spool_format import FIRST, HEAD_BYTES, MARK, framed, segments, title


def arrived(data: bytes, own: str = "") -> Arrived:
    return Arrived(data, "test", "127.0.0.1", 1_700_000_000_000_000_000, own)


def lines(spooled: Sequence[Spooled]) -> list[bytes]:
    return [each.arrived.data for each in spooled]


def filled(folder: Path, groups: Sequence[Sequence[bytes]], segment_bytes: int = 1 << 20) -> list[Spooled]:
    """A spool with these records, a group in each request; answers them as they were read back."""

    async def fill() -> list[Spooled]:
        spool = Spool(folder, segment_bytes=segment_bytes)
        for group in groups:
            await spool.append([arrived(data) for data in group])
        found = list(spool.read())
        await spool.close()
        return found

    return asyncio.run(fill())


def reread(folder: Path, after: Place | None = None) -> tuple[list[bytes], Spool]:
    spool = Spool(folder)
    try:
        return lines(list(spool.read(after))), spool
    finally:
        spool.abandon()


def test_what_is_appended_is_read_back_in_order_also_by_the_next_start(tmp_path: Path) -> None:
    groups = [[b"one", b"two"], [b""], [b"\xff\x00", b"x" * 100_000]]
    found = filled(tmp_path, groups)
    assert lines(found) == [b"one", b"two", b"", b"\xff\x00", b"x" * 100_000]
    assert reread(tmp_path)[0] == lines(found)
    assert reread(tmp_path, found[1].behind)[0] == lines(found)[2:]


def test_requests_that_wait_at_once_share_a_sync_and_keep_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = 0
    really = os.fdatasync

    def counted(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        really(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)

    async def many() -> list[bytes]:
        spool = Spool(tmp_path)
        await asyncio.gather(*(spool.append([arrived(b"%d a" % n), arrived(b"%d b" % n)]) for n in range(200)))
        found = lines(list(spool.read()))
        await spool.close()
        return found

    found = asyncio.run(many())
    assert len(found) == 400
    assert all(a.split()[0] == b.split()[0] for a, b in zip(found[::2], found[1::2], strict=True))
    assert syncs < 10


def test_a_client_that_goes_away_takes_nobody_with_it(tmp_path: Path) -> None:
    async def leave() -> list[bytes]:
        spool = Spool(tmp_path)
        first = asyncio.create_task(spool.append([arrived(b"of the one who leaves")]))
        others = [asyncio.create_task(spool.append([arrived(b"%d" % n)])) for n in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(*others)
        with suppress(asyncio.CancelledError):
            await first
        found = lines(list(spool.read()))
        await spool.close()
        return found

    assert {b"0", b"1", b"2", b"3", b"4"} <= set(asyncio.run(leave()))


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


def test_a_newer_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    filled(tmp_path, [[b"one"]])
    path = segments(tmp_path)[0].path
    path.write_bytes(title(2) + path.read_bytes()[FIRST:])
    before = path.read_bytes()
    with pytest.raises(LogsentryError, match="newer logsentry"):
        Spool(tmp_path)
    assert path.read_bytes() == before


def test_bytes_that_look_like_a_record_are_none_where_they_stand_in_a_line(tmp_path: Path) -> None:
    """Whoever can write a log line must not be able to forge records, should the head of the true one be damaged."""
    key = 12345
    forged = b"".join(framed([b"forged"], key, at) for at in range(0, 400, 7)) + MARK * 50
    filled(tmp_path, [[forged], [b"after"]])
    path = segments(tmp_path)[0].path
    data = bytearray(path.read_bytes())
    data[FIRST + 5] ^= 1  # the length of the true record
    path.write_bytes(data)
    found, spool = reread(tmp_path)
    assert found == [b"after"]
    assert spool.damaged > len(forged)


def test_damage_in_the_middle_is_told_kept_aside_and_costs_itself_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = filled(tmp_path, [[b"one"], [b"two"], [b"three"]])
    path = segments(tmp_path)[0].path
    data = bytearray(path.read_bytes())
    data[found[1].behind.offset - 2] ^= 0x10
    path.write_bytes(data)
    again, spool = reread(tmp_path)
    assert again == [b"one", b"three"]
    assert spool.damaged == found[1].behind.offset - found[1].at
    aside = list(tmp_path.glob("*.damaged"))
    assert len(aside) == 1
    assert aside[0].read_bytes() == data[found[1].at : found[1].behind.offset]
    assert "is damaged: bytes" in caplog.text


def test_a_torn_end_is_cut_and_no_damage(tmp_path: Path) -> None:
    found = filled(tmp_path, [[b"one"], [b"two"]])
    path = segments(tmp_path)[0].path
    path.write_bytes(path.read_bytes()[:-1])
    again, spool = reread(tmp_path)
    assert (again, spool.damaged) == ([b"one"], 0)
    assert spool.cut == found[1].behind.offset - found[1].at - 1
    assert path.stat().st_size == found[0].behind.offset


records = st.lists(st.binary(max_size=60), min_size=1, max_size=6)


@settings(max_examples=60)
@given(records, st.data())
def test_cut_anywhere_what_lies_before_is_there(contents: list[bytes], data: st.DataObject) -> None:
    with _folder() as folder:
        found = filled(folder, [contents])
        path = segments(folder)[0].path
        size = path.stat().st_size
        cut = data.draw(st.integers(0, size))
        os.truncate(path, cut)
        again, _ = reread(folder)
        assert again == [each.arrived.data for each in found if each.behind.offset <= cut]


@settings(max_examples=60)
@given(records, st.data())
def test_flipped_bits_forge_nothing_and_cost_their_own_records_alone(contents: list[bytes], data: st.DataObject) -> None:
    with _folder() as folder:
        found = filled(folder, [contents])
        path = segments(folder)[0].path
        content = bytearray(path.read_bytes())
        hits = data.draw(st.lists(st.integers(0, len(content) * 8 - 1), min_size=1, max_size=3, unique=True))
        for hit in hits:
            content[hit // 8] ^= 1 << hit % 8
        path.write_bytes(content)
        again, _ = reread(folder)
        hurt = {each.at for each in found if any(each.at <= hit // 8 < each.behind.offset for hit in hits)}
        assert again == [each.arrived.data for each in found if each.at not in hurt]


@settings(max_examples=40)
@given(records, st.binary(max_size=80))
def test_anything_behind_the_end_is_no_record_and_writing_goes_on(contents: list[bytes], rest: bytes) -> None:
    with _folder() as folder:
        filled(folder, [contents])
        path = segments(folder)[0].path
        with path.open("ab") as file:
            file.write(rest)
        assert lines(filled(folder, [[b"after"]])) == [*contents, b"after"]


def test_a_full_disk_takes_nothing_tears_nothing_and_goes_on_with_room(tmp_path: Path) -> None:
    """A process that may write no file beyond 4,000 bytes: the system says EFBIG where a full disk says ENOSPC."""
    script = f"""
import asyncio, resource, signal, sys
from pathlib import Path
from logsentry.errors import Unavailable
from logsentry.server.spool import Arrived, Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def main():
    spool, kept = Spool(Path({str(tmp_path)!r})), 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
    refused = 0
    for number in range(50):
        try:
            await spool.append([Arrived(b"%03d" % number + b"x" * 300, "", "", 0)])
            kept += 1
        except Unavailable:
            refused += 1
    assert kept and refused, (kept, refused)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await spool.append([Arrived(b"room again", "", "", 0)])
    print(kept, spool.size, sum(1 for _ in spool.read()))
    await spool.close()
asyncio.run(main())
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kept, size, read = map(int, done.stdout.split())
    again, spool = reread(tmp_path)
    assert len(again) == read == kept + 1
    assert again[-1] == b"room again"
    assert (spool.cut, spool.damaged) == (0, 0)
    assert size == segments(tmp_path)[0].path.stat().st_size


def test_after_a_failed_sync_nothing_more_goes_into_that_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really, broken = os.fdatasync, [False]

    def sync(descriptor: int) -> None:
        if broken[0]:
            broken[0] = False
            raise OSError(5, "Input/output error")
        really(descriptor)

    monkeypatch.setattr(os, "fdatasync", sync)

    async def use() -> None:
        spool = Spool(tmp_path)
        await spool.append([arrived(b"one")])
        broken[0] = True
        with pytest.raises(Unavailable, match="Input/output error"):
            await spool.append([arrived(b"lost")])
        await spool.append([arrived(b"two")])
        assert lines(list(spool.read())) == [b"one", b"two"]
        assert [each.number for each in segments(tmp_path)] == [1, 2]
        await spool.close()

    asyncio.run(use())
    assert reread(tmp_path)[0] == [b"one", b"two"]


def test_a_head_has_the_size_that_the_format_says() -> None:
    assert len(framed([b"abc"], 1, FIRST)) == HEAD_BYTES + 3


class _folder:
    """A new folder for each example; `tmp_path` is one for all of a test."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="spool-"))
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path)
