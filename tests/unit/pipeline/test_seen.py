"""Seen: a set on disk. No damage invents a record, and a crash loses at most what was not flushed."""

from __future__ import annotations

import errno
import os
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import LogsentryError, Unavailable
from logsentry.pipeline import seen as seen_module
from logsentry.pipeline.seen import FILE, HEAD, Seen, load
from logsentry.schema.record import Address, Record

SIZE = 20


def record(number: int, time: int = 0) -> Record:
    return Record(b"x", "web", f"web/{number}", 0, {"time": time}, Address("web", str(number), time=time))


def known(folder: Path, count: int = 40, since: int = 0) -> set[int]:
    seen = Seen(folder, since)
    return {number for number in range(count) if record(number) in seen}


def filled(folder: Path, *numbers: int) -> Path:
    seen = Seen(folder)
    for number in numbers:
        seen.add(record(number, number))
    seen.flush()
    return folder / FILE


def test_a_new_folder_knows_nothing(tmp_path: Path) -> None:
    assert known(tmp_path / "new") == set()


def test_what_was_flushed_is_known_to_the_next_pass(tmp_path: Path) -> None:
    seen = Seen(tmp_path)
    seen.add(record(1))
    assert record(1) in seen
    assert known(tmp_path) == set()
    seen.flush()
    assert known(tmp_path) == {1}


def test_what_lies_before_since_is_forgotten_on_disk_too(tmp_path: Path) -> None:
    path = filled(tmp_path, *range(10))
    assert known(tmp_path, since=6) == {6, 7, 8, 9}
    assert path.stat().st_size == len(HEAD) + (4 + 1) * SIZE
    assert known(tmp_path) == {6, 7, 8, 9}


def test_a_file_that_needs_no_change_is_left_alone(tmp_path: Path) -> None:
    before = os.stat(filled(tmp_path, 1, 2)).st_ino
    Seen(tmp_path, 1)
    assert os.stat(tmp_path / FILE).st_ino == before


_steps = st.lists(st.one_of(st.integers(0, 30), st.sampled_from(["flush", "open again"])), max_size=60)


@given(_steps)
def test_it_is_a_set(steps: list[int | str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, model, durable = Path(name), set[int](), set[int]()
        seen = Seen(folder)
        for step in steps:
            if isinstance(step, int):
                seen.add(record(step))
                model.add(step)
            elif step == "flush":
                seen.flush()
                durable = set(model)
            else:  # what a crash leaves: that which was flushed
                seen, model = Seen(folder), set(durable)
            assert {number for number in range(31) if record(number) in seen} == model
        assert known(folder) == durable


@given(st.lists(st.integers(0, 30), max_size=6, unique=True), st.lists(st.integers(31, 39), min_size=1, max_size=4), st.data())
def test_a_crash_at_any_byte_of_an_append_loses_only_that_append(old: list[int], new: list[int], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = filled(folder, *old)
        before = path.stat().st_size
        whole = filled(folder, *new).read_bytes()
        cut = data.draw(st.integers(before, len(whole)))
        zeros = data.draw(st.sampled_from([0, 1, len(whole) - cut]))  # a file system may leave zeros where data was to be
        path.write_bytes((whole[:cut] + bytes(zeros))[: len(whole)])
        found = known(folder)
        assert found == ({*old, *new} if cut == len(whole) else set(old)), (
            "all of a flush or nothing: half a window is never seen"
        )


def test_damage_anywhere_costs_one_entry_and_is_told(tmp_path: Path) -> None:
    path = filled(tmp_path, *range(5))
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        seen = Seen(tmp_path)
        place = (at - len(HEAD)) // SIZE
        lost = (
            set() if at < len(HEAD) else {place} if place < 5 else set(range(5))
        )  # the seal: a flush that was not finished looks so
        assert ("may be scored a second time" in seen.warning) == (place < 5)
        assert {number for number in range(40) if record(number) in seen} == set(range(5)) - lost
        assert Seen(tmp_path).warning == ""


def test_cut_off_at_any_byte_it_knows_the_flushes_that_are_left(tmp_path: Path) -> None:
    filled(tmp_path, *range(3))
    path = filled(tmp_path, 3, 4)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert known(tmp_path) == (set(range(3)) if end >= len(HEAD) + 4 * SIZE else set())


def test_a_damaged_seal_between_two_flushes_costs_nothing(tmp_path: Path) -> None:
    filled(tmp_path, *range(3))
    path = filled(tmp_path, 3, 4)
    whole = bytearray(path.read_bytes())
    whole[len(HEAD) + 3 * SIZE] ^= 1
    path.write_bytes(whole)
    assert known(tmp_path) == set(range(5))


def test_zeros_are_no_entries(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(bytes(400))
    seen = Seen(tmp_path)
    assert "its head is damaged" in seen.warning
    assert load(tmp_path / FILE).count == 0


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    content = seen_module._head(2) + b"whatever"
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(LogsentryError, match="written by a newer logsentry"):
        Seen(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content


@pytest.mark.parametrize("call", ["pwrite", "fsync"])
def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, 1, 2)
    before, seen = path.read_bytes(), Seen(tmp_path)
    seen.add(record(3))

    def full(descriptor: int, *rest: object) -> int:
        os.write(os.open(path, os.O_WRONLY | os.O_APPEND), b"half an entry")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(seen_module.os, call, full)
        with pytest.raises(Unavailable, match="No space left on device"):
            seen.flush()
    assert path.read_bytes() == before
    seen.flush()
    assert known(tmp_path) == {1, 2, 3}


def test_memory_stays_flat_over_many_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "RECENT", 1000)
    seen = Seen(tmp_path)

    def grow(start: int) -> int:
        tracemalloc.start()
        for number in range(start, start + 10_000):
            seen.add(record(number))
            if number % 500 == 0:
                seen.flush()
        return tracemalloc.get_traced_memory()[1]

    grow(0)
    tracemalloc.stop()
    assert grow(10_000) < 600_000
    tracemalloc.stop()
    assert record(19_999) in seen
    assert record(0) not in seen
