"""The process that unpacks archives: its limits hold, its end is told in one sentence, and it is never left behind."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from logsentry_files.child import Child
from logsentry_files.compression import Archives
from logsentry_files.config import FilesConfig
from logsentry_files.input import Files
from logsentry_files.raw import Raw

from logsentry.errors import InputError

NOISE = random.Random(7).randbytes(3_000_000).hex().encode()
LONG = b"".join(NOISE[at : at + 59] + b"\n" for at in range(0, len(NOISE), 59))
"""6 MB that shrink by half: more than the pipe and a block hold, so that the child is in the middle while it is read."""


def children() -> set[int]:
    """The process ids of this process's children, dead ones that nobody waited for among them."""
    found = (Path(f"/proc/self/task/{task}/children").read_text().split() for task in os.listdir("/proc/self/task"))
    return {int(pid) for pids in found for pid in pids}


def packed(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data, 1))
    return path


def lines(*paths: Path | str) -> Iterator[bytes]:
    for record in Files(FilesConfig([str(path) for path in paths])).read():
        if record is not None:
            yield record.data


def unpacked(path: Path, archives: Archives) -> Iterator[bytes]:
    raw = Raw(str(path))
    try:
        for block in archives.unpacked(raw, 500.0):
            assert block is not None
            yield block
    finally:
        raw.close()


def large_dictionary(data: bytes, code: int) -> bytes:
    """An xz file that asks for another dictionary: (2 + code % 2) << (code // 2 + 11) bytes (.xz file format, 5.3.1)."""
    made = bytearray(lzma.compress(data))
    header = slice(12, 12 + 4 * (made[12] + 1))
    assert made[14:16] == b"\x21\x01", "the filter is LZMA2 and has one byte of properties"
    made[16] = code
    made[header.stop - 4 : header.stop] = zlib.crc32(made[header.start : header.stop - 4]).to_bytes(4, "little")
    return bytes(made)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    children_before, files_before = children(), set(os.listdir("/proc/self/fd"))
    yield
    assert children() == children_before
    assert set(os.listdir("/proc/self/fd")) <= files_before, "what others left behind may be collected meanwhile"


def test_plain_files_start_no_child(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1\n2\n")
    before = children()
    found = lines(tmp_path / "a")
    assert next(found) == b"1"
    assert children() == before
    assert list(found) == [b"2"]


def test_a_folder_of_small_archives_takes_one_child(tmp_path: Path) -> None:
    for number in range(300):
        packed(tmp_path / f"{number:03}.gz", b"%d\n" % number)
    before, seen, read = children(), set(), []
    for line in lines(tmp_path / "*.gz"):
        read.append(line)
        if len(read) % 50 == 1:
            seen |= children() - before
    assert read == [b"%d" % number for number in range(300)]
    assert len(seen) == 1


def test_it_is_ended_when_reading_stops_half_way(tmp_path: Path) -> None:
    before, path = children(), packed(tmp_path / "a", LONG)
    found = lines(path)
    assert next(found) == LONG[:59]
    assert len(children() - before) == 1
    del found
    assert children() == before
    files = Files(FilesConfig([str(path)]))
    records = files.read()
    next(records)
    files.close()
    assert children() == before
    archives = Archives()
    blocks = unpacked(path, archives)
    next(blocks)
    del blocks, archives
    assert children() == before


def test_an_archive_is_given_up_for_another(tmp_path: Path) -> None:
    long, short = packed(tmp_path / "long", LONG), packed(tmp_path / "short", b"short\n")
    archives = Archives()
    pids = set()
    for _ in range(30):
        begun = unpacked(long, archives)
        assert LONG.startswith(next(begun))
        begun.close()
        pids.add(archives.pid)
        assert b"".join(unpacked(short, archives)) == b"short\n"
    assert b"".join(unpacked(long, archives)) == LONG
    assert len(pids) == 1
    archives.close()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "the process that unpacks it ended by signal 9, Killed"),
        (signal.SIGXCPU, "20 seconds of computing brought nothing more out of it"),
    ],
)
def test_a_child_that_dies_is_told_in_a_sentence(tmp_path: Path, number: signal.Signals, said: str) -> None:
    path, before = packed(tmp_path / "a", LONG), children()
    found = lines(path)
    read = [next(found)]
    for pid in children() - before:
        os.kill(pid, number)
    with pytest.raises(InputError) as caught:
        read.extend(found)
    assert LONG.startswith(b"\n".join(read))
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} cannot be unpacked: {said}, after ")
    content = int(sentence.rpartition("after ")[2].split()[0].replace(",", ""))
    assert len(read) == content // 60


def test_one_that_died_between_two_archives_is_replaced(tmp_path: Path) -> None:
    archives, path = Archives(), packed(tmp_path / "a", b"1\n")
    assert b"".join(unpacked(path, archives)) == b"1\n"
    assert archives.pid is not None
    os.kill(archives.pid, signal.SIGKILL)
    os.waitid(os.P_PID, archives.pid, os.WEXITED | os.WNOWAIT)
    assert b"".join(unpacked(path, archives)) == b"1\n"
    archives.close()


def test_one_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(InputError, match=r"the process that unpacks it does not start \(No such file or directory\)"):
        list(lines(packed(tmp_path / "a", b"1\n")))


def test_its_memory_is_limited(tmp_path: Path) -> None:
    """128 MiB of dictionary: below what is read at most, above what this child may have."""
    path, archives = tmp_path / "a.xz", Archives(memory=96 << 20)
    path.write_bytes(large_dictionary(LONG[:600], 30))
    with pytest.raises(
        InputError, match=r"a.xz cannot be unpacked: that takes more than the 96 MiB of memory it may have, after 0"
    ):
        list(unpacked(path, archives))
    assert b"".join(unpacked(packed(tmp_path / "a.gz", LONG), archives)) == LONG
    assert "536870912" not in Path(f"/proc/{archives.pid}/limits").read_text()
    archives.close()
    assert list(lines(path)) == LONG[:600].split()


def test_a_hostile_dictionary_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.xz"
    path.write_bytes(large_dictionary(b"1\n", 40))
    with pytest.raises(InputError, match=r"a.xz cannot be unpacked: that takes more than the 512 MiB of memory it may have"):
        list(lines(path))


def test_its_seconds_without_progress_are_limited() -> None:
    """The system counts them, in whole seconds: without the first progress it would end this before the second one."""
    code = """
import time
from logsentry_files.unpack_worker import Limits
def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
limits = Limits(512 << 20, 1)
for _ in range(2):
    burn(1)
    limits.progress()
    print("progress", flush=True)
Limits(512 << 20, 0)
burn(10)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["progress"] * 2
    assert done.returncode == -signal.SIGXCPU


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = f"""
import time
from logsentry_files.compression import Archives
from logsentry_files.raw import Raw
archives = Archives()
next(archives.unpacked(Raw({str(packed(tmp_path / "a", LONG))!r}), 500.0))
print(archives.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert os.getpgid(pid) not in (os.getpgid(0), os.getpgid(parent.pid)), "Ctrl-C would reach it"
        parent.kill()
    until = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_threads_may_read_archives_at_once(tmp_path: Path) -> None:
    path, read = packed(tmp_path / "a", LONG), []
    threads = [Thread(target=lambda: read.append(sum(1 for _ in lines(path)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [LONG.count(b"\n")] * 4


def test_stdin_that_is_an_object_of_this_process_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(LONG))))
    assert b"".join(line + b"\n" for line in lines("-")) == LONG


def test_a_packed_pipe_gives_lines_as_they_come_and_tells_when_it_is_idle() -> None:
    code = """
from logsentry_files.input import Files, FilesConfig
for record in Files(FilesConfig(["-"])).read():
    print(None if record is None else (record.offset, record.data), flush=True)
"""
    packer = zlib.compressobj(wbits=31)
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(packer.compress(b"first line\nsec") + packer.flush(zlib.Z_SYNC_FLUSH))
        assert child.stdout.readline() == b"(0, b'first line')\n"
        assert child.stdout.readline() == b"None\n"
        child.stdin.write(packer.compress(b"ond\n") + packer.flush())
        child.stdin.close()
        assert [line for line in child.stdout.read().splitlines() if line != b"None"] == [b"(11, b'second')"]


def test_an_answer_larger_than_a_block_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logsentry_files.child.BLOCK", 100)
    with pytest.raises(InputError, match="answers more than it may"):
        list(lines(packed(tmp_path / "a", LONG)))


def test_a_child_that_was_asked_nothing_ends_too() -> None:
    child = Child(512 << 20, 20)
    assert not child.ended
    child.close()
    assert child.ended
