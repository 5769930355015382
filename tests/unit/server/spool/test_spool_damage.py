"""Half a record is cut off, damage costs itself alone, and nothing that was not acknowledged is ever given out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.spools import NewFolder, filled, lines, reread

from logsentry.errors import LogsentryError
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.segments import FIRST, MARK, framed, segments, title

records = st.lists(st.binary(max_size=60), min_size=1, max_size=6)


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
    assert spool.damage.lost > len(forged)


def test_damage_in_the_middle_is_told_kept_aside_and_costs_itself_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = filled(tmp_path, [[b"one"], [b"two"], [b"three"]])
    path = segments(tmp_path)[0].path
    data = bytearray(path.read_bytes())
    data[found[1].behind.offset - 2] ^= 0x10
    path.write_bytes(data)
    again, spool = reread(tmp_path)
    assert again == [b"one", b"three"]
    assert spool.damage.lost == found[1].behind.offset - found[1].at
    aside = list(tmp_path.glob("*.damaged"))
    assert len(aside) == 1
    assert aside[0].read_bytes() == data[found[1].at : found[1].behind.offset]
    assert "is damaged: bytes" in caplog.text


def test_a_torn_end_is_cut_and_no_damage(tmp_path: Path) -> None:
    found = filled(tmp_path, [[b"one"], [b"two"]])
    path = segments(tmp_path)[0].path
    path.write_bytes(path.read_bytes()[:-1])
    again, spool = reread(tmp_path)
    assert (again, spool.damage.lost) == ([b"one"], 0)
    assert spool.damage.cut == found[1].behind.offset - found[1].at - 1
    assert path.stat().st_size == found[0].behind.offset


@settings(max_examples=60)
@given(records, st.data())
def test_cut_anywhere_what_lies_before_is_there(contents: list[bytes], data: st.DataObject) -> None:
    with NewFolder() as folder:
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
    with NewFolder() as folder:
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
    with NewFolder() as folder:
        filled(folder, [contents])
        path = segments(folder)[0].path
        with path.open("ab") as file:
            file.write(rest)
        assert lines(filled(folder, [[b"after"]])) == [*contents, b"after"]
