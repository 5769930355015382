"""Packed files: known by their bytes, bounded, and read up to the very byte where they are damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from logsentry_files.config import FilesConfig
from logsentry_files.input import Files
from logsentry_files.members import PIECE

from logsentry.errors import InputError
from logsentry.sdk import Record
from logsentry.testing.input_contract import InputContract

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
LINES = b"".join(b"%d: a line that is not quite like the one before %x\n" % (number, number**5) for number in range(3000))


def read(path: Path, **config: object) -> list[Record]:
    return [record for record in Files(FilesConfig([str(path)], **config)).read() if record is not None]  # type: ignore[arg-type]


def broken(path: Path, **config: object) -> tuple[bytes, str]:
    """The lines that come before the error, and the error."""
    lines = []
    try:
        for record in Files(FilesConfig([str(path)], **config)).read():  # type: ignore[arg-type]
            assert record is not None
            lines.append(record.data + b"\n")
    except InputError as error:
        return b"".join(lines), str(error)
    pytest.fail("nothing was said of the damage")


class TestPacked(InputContract):
    def make(self, folder: Path) -> Files:
        for name, pack in PACK.items():
            (folder / name).write_bytes(pack(b"first of %s\nsecond\nthird" % name.encode()))
        return Files(FilesConfig([str(folder / "*")]))


@pytest.mark.parametrize("kind", PACK)
def test_a_packed_file_gives_the_same_records_as_the_plain_one(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINES)
    plain = read(path)
    path.write_bytes(PACK[kind](LINES))
    assert read(path) == plain


@pytest.mark.parametrize("kind", PACK)
def test_members_follow_each_other(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join(PACK[kind](LINES[start : start + 700]) for start in range(0, len(LINES), 700)))
    assert b"".join(record.data + b"\n" for record in read(path)) == LINES


@pytest.mark.parametrize("kind", PACK)
def test_an_empty_archive_has_no_records(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(PACK[kind](b""))
    assert read(path) == []


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_padding_behind_an_archive_is_no_damage(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(PACK[kind](b"a\n") + bytes(8 + PIECE) + PACK[kind](b"b\n") + bytes(512))
    assert [record.data for record in read(path)] == [b"a", b"b"]


def test_zstd_may_begin_with_a_frame_to_skip(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd" + PACK["zstd"](LINES))
    assert len(read(path)) == 3000


@pytest.mark.parametrize("kind", PACK)
def test_a_half_written_archive_gives_what_it_holds(tmp_path: Path, kind: str) -> None:
    path, packed = tmp_path / "a", PACK[kind](LINES)
    for size in (len(packed) - 1, len(packed) * 2 // 3, 20):
        path.write_bytes(packed[:size])
        lines, said = broken(path)
        assert said.startswith(f"{path} is cut off: its {kind} data stops in the middle at byte {size:,}, after ")
        assert LINES.startswith(lines)
    assert lines == b""


def test_a_half_written_gzip_file_gives_all_whole_lines_that_it_holds(tmp_path: Path) -> None:
    path, packed = tmp_path / "a", gzip.compress(LINES)
    path.write_bytes(packed[: len(packed) // 2])
    lines, said = broken(path)
    content = int(said.rpartition("after ")[2].split()[0].replace(",", ""))
    assert lines == LINES[: LINES.rindex(b"\n", 0, content) + 1]
    assert len(lines) > len(LINES) // 3


@pytest.mark.parametrize("kind", PACK)
def test_damage_in_the_checksum_costs_no_line(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACK[kind](LINES))
    at = {"gzip": -8, "zstd": -1, "bz2": -2, "xz": -1}[kind]
    packed[at] ^= 0xFF
    path = tmp_path / "a"
    path.write_bytes(packed)
    lines, said = broken(path)
    assert f"{path} is damaged: its {kind} data breaks at byte " in said
    assert lines == LINES


@pytest.mark.parametrize("kind", PACK)
def test_damage_in_a_later_member_costs_none_of_the_earlier(tmp_path: Path, kind: str) -> None:
    first, second = PACK[kind](LINES), bytearray(PACK[kind](LINES))
    middle = len(second) // 2
    second[middle : middle + 64] = bytes(64)
    path = tmp_path / "a"
    path.write_bytes(first + second)
    lines, said = broken(path)
    assert len(lines) >= len(LINES)
    assert (LINES * 2)[: len(LINES)] == lines[: len(LINES)]
    place = int(said.partition("breaks at byte ")[2].partition(", after")[0].replace(",", ""))
    assert len(first) < place < len(first) + len(second)


@pytest.mark.parametrize("kind", PACK)
def test_something_else_behind_an_archive_is_told_after_its_lines(tmp_path: Path, kind: str) -> None:
    path, packed = tmp_path / "a", PACK[kind](LINES)
    path.write_bytes(packed + b"and now for something else, long enough to be no header of anything")
    lines, said = broken(path)
    assert lines == LINES
    assert f"{kind} data breaks at byte" in said


@pytest.mark.parametrize("kind", PACK)
def test_every_flipped_byte_ends_in_lines_or_a_sentence(tmp_path: Path, kind: str) -> None:
    path, packed, said = tmp_path / "a", PACK[kind](LINES[:2000]), []
    for at in range(0, len(packed), 19):
        damaged = bytearray(packed)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        try:
            read(path)
        except InputError as error:
            said.append(str(error))
    assert len(said) > len(packed) / 19 / 2
    assert all(str(path) in sentence for sentence in said)


def test_an_archive_that_swells_beyond_reason_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(zstandard.ZstdCompressor().compress((b"a line" * 1000 + b"\n") * 5000))
    lines, said = broken(path)
    assert "unpacks to more than 500 times its size by byte" in said
    assert 0 < len(lines) < 21_000_000
    assert len(read(path, max_ratio=1e6)) == 5000


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_takes_little_memory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACK[kind](bytes(100_000_000)))
    code = f"""
import resource
from logsentry_files.input import Files, FilesConfig
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print([len(r.data) for r in Files(FilesConfig([{str(path)!r}], max_record_bytes=1 << 20, max_ratio=1e9)).read()])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    records, kibibytes = done.stdout.splitlines()
    assert records == "[1048576]"
    assert int(kibibytes) < 64_000


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.log", "a\n")
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.log"))
    return buffer.getvalue()


@pytest.mark.parametrize(("make", "said"), [(_zip, "is a zip archive, which is not read"), (_tar, "holds a tar archive")])
def test_archives_of_many_files_are_named(tmp_path: Path, make: Callable[[], bytes], said: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(make())
    lines, sentence = broken(path)
    assert (lines, said in sentence, "unpack it first" in sentence) == (b"", True, True)


def test_damage_on_stdin_is_told_too(tmp_path: Path) -> None:
    code = """
from logsentry_files.input import Files, FilesConfig
from logsentry.errors import InputError
try:
    print(sum(1 for _ in Files(FilesConfig(["-"])).read()))
except InputError as error:
    print(error)
"""
    packed = gzip.compress(LINES)
    done = subprocess.run([sys.executable, "-c", code], input=packed[:-4], capture_output=True, check=True)
    assert done.stdout.startswith(b"- is cut off: its gzip data stops in the middle")
    done = subprocess.run([sys.executable, "-c", code], input=packed[:-4] + b"abcd", capture_output=True, check=True)
    assert done.stdout.startswith(b"- is damaged: its gzip data breaks at byte")
