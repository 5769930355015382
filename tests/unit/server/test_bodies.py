"""Files on their way to a server: unpacked whatever packed them, cut at lines alone, and refused where they are damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import InputError
from logsentry.server.bodies import READ, expanded, in_chunks, unpacked

PACKERS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
TEXT = b"".join(b"%d a line of a log, and another \xff\n" % number for number in range(6_000))


def content(data: bytes) -> bytes:
    return b"".join(unpacked(io.BytesIO(data), "a.log"))


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_files_are_what_was_packed(packer: str) -> None:
    pack = PACKERS[packer]
    assert content(pack(TEXT)) == TEXT
    assert content(pack(TEXT) + pack(b"") + pack(b"more\n")) == TEXT + b"more\n", "several members, one after another"


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("keep", [0.2, 0.9, 0.999])
def test_a_packed_file_that_is_cut_off_is_no_whole_one(packer: str, keep: float) -> None:
    data = PACKERS[packer](TEXT)
    with pytest.raises(InputError, match=r"a\.log is damaged or cut off"):
        content(data[: int(len(data) * keep)])


@pytest.mark.parametrize("packer", PACKERS)
def test_what_follows_the_last_member_is_not_swallowed(packer: str) -> None:
    with pytest.raises(InputError, match="damaged"):
        content(PACKERS[packer](TEXT) + b"and then something else")


def test_plain_files_pass_as_they_are() -> None:
    for data in (b"", b"x", TEXT, b"\r\n\0" * READ):
        assert content(data) == data


@given(st.lists(st.text("ab\r\n", max_size=30).map(str.encode), max_size=8), st.integers(1, 5))
def test_chunks_are_whole_lines_and_together_all_there_was(parts: list[bytes], lines: int) -> None:
    chunks = list(in_chunks(iter(parts), lines))
    assert b"".join(chunks) == b"".join(parts)
    assert all(chunk.count(b"\n") == lines and chunk.endswith(b"\n") for chunk in chunks[:-1])
    assert all(chunk and chunk.count(b"\n") <= lines for chunk in chunks)


def test_a_line_longer_than_everything_costs_no_more_than_its_length() -> None:
    parts = [b"x" * READ] * 500
    (chunk,) = in_chunks(iter(parts), 10)
    assert len(chunk) == 500 * READ


def test_files_are_named_or_matched_and_have_to_be_there(tmp_path: Path) -> None:
    for name in ("b.log", "a.log", "c[1].log"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    base = str(tmp_path)
    assert expanded([f"{base}/b.log", f"{base}/?.log", "-"]) == [f"{base}/b.log", f"{base}/a.log", f"{base}/b.log", "-"]
    assert expanded([f"{base}/c[1].log"]) == [f"{base}/c[1].log"], "a name that is there is no pattern"
    for missing in ("none.log", "no*.log", "folder"):
        with pytest.raises(InputError, match=missing.replace("*", r"\*")):
            expanded([f"{base}/{missing}"])
