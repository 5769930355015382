"""Going on after a cursor when the files have changed: nothing is lost, and what cannot be found again is said."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logsentry_files.config import FilesConfig
from logsentry_files.input import Files

from logsentry.errors import InputError
from logsentry.sdk import Cursor, Record

HEADER = b"#separator \\x09\n"


def read(pattern: Path, after: Cursor | None = None) -> list[Record]:
    return [record for record in Files(FilesConfig([str(pattern)])).read(after) if record is not None]


def texts(pattern: Path, after: Cursor | None = None) -> list[bytes]:
    return [record.data for record in read(pattern, after)]


def cursor_after(pattern: Path, data: bytes) -> Cursor:
    return next(record.cursor for record in read(pattern) if record.data == data)


def test_a_file_that_grew_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"1\n2\n")
    after = read(path)[-1].cursor
    assert texts(path, after) == []
    path.write_bytes(b"1\n2\n3\n4\n")
    assert texts(path, after) == [b"3", b"4"]
    assert [record.cursor["line"] for record in read(path, after)] == [3, 4]


def test_a_line_that_was_read_half_written_is_read_again_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"1\n2\nGET /ind")
    after = read(path)[-1].cursor
    path.write_bytes(b"1\n2\nGET /index HTTP/1.1\n4\n")
    assert texts(path, after) == [b"GET /index HTTP/1.1", b"4"]


@pytest.mark.parametrize("end", [b"\n", b"\n4\n"])
def test_a_last_line_that_got_its_newline_is_not_read_again(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"1\n2\n3")
    after = read(path)[-1].cursor
    path.write_bytes(b"1\n2\n3" + end)
    assert texts(path, after) == ([b"4"] if b"4" in end else [])


@pytest.mark.parametrize("packed", [False, True])
def test_a_rotated_file_is_found_by_its_content(tmp_path: Path, packed: bool) -> None:
    (tmp_path / "access.log").write_bytes(b"1\n2\n3\n")
    after = cursor_after(tmp_path / "access.log*", b"2")
    rotated = (tmp_path / "access.log").rename(tmp_path / "access.log.1")
    if packed:
        rotated.write_bytes(gzip.compress(rotated.read_bytes()))
    (tmp_path / "access.log").write_bytes(b"4\n5\n")
    assert sorted(texts(tmp_path / "access.log*", after)) == [b"3", b"4", b"5"]


def test_files_of_one_header_are_told_apart(tmp_path: Path) -> None:
    """Zeek and IIS begin every file with the same line."""
    (tmp_path / "conn.log").write_bytes(HEADER + b"a\nb\nc\n")
    after = cursor_after(tmp_path / "conn.log*", b"b")
    (tmp_path / "conn.log").rename(tmp_path / "conn.log.1")
    (tmp_path / "conn.log").write_bytes(HEADER + b"x\ny\nz\n")
    assert texts(tmp_path / "conn.log*", after) == [HEADER[:-1], b"x", b"y", b"z", b"c"]


@pytest.mark.parametrize("change", ["new", "grown"])
def test_a_file_before_the_cursor_that_changed_is_not_skipped(tmp_path: Path, change: str) -> None:
    (tmp_path / "a").write_bytes(b"1\n")
    (tmp_path / "c").write_bytes(b"3\n4\n")
    after = cursor_after(tmp_path / "?", b"3")
    assert texts(tmp_path / "?", after) == [b"4"]
    (tmp_path / ("a" if change == "grown" else "b")).write_bytes(b"1\n2\n" if change == "grown" else b"2\n")
    assert texts(tmp_path / "?", after) == [b"1", b"2", b"4"]


def test_a_pass_that_begins_again_can_be_resumed_too(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"1%s\n2%s\n" % (name.encode(), name.encode()))
    after = cursor_after(tmp_path / "?", b"1c")
    (tmp_path / "aa").write_bytes(b"new\n")
    rest = read(tmp_path / "*", after)
    assert [record.data for record in rest] == [b"1a", b"2a", b"new", b"1b", b"2b", b"2c"]
    for index, record in enumerate(rest):
        missing = {r.data for r in rest[index + 1 :]} - set(texts(tmp_path / "*", record.cursor))
        assert missing == set()


@pytest.mark.parametrize("content", [b"", b"1\n", b"1\nx\n3\n", b"other\n2\n3\n", b"1\n22\n"])
def test_a_file_that_was_cut_or_replaced_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"1\n2\n3\n")
    after = cursor_after(path, b"2")
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"cannot go on after line 2 of {path}: no input holds it at byte 2 any more"):
        texts(path, after)


@pytest.mark.parametrize("content", [b"1\n", b"1\nx\n3\n", b"other\n2\n3\n"])
def test_a_packed_file_that_was_replaced_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(gzip.compress(b"1\n2\n3\n"))
    after = cursor_after(path, b"2")
    path.write_bytes(gzip.compress(content))
    with pytest.raises(InputError, match="cannot go on after line 2"):
        texts(path, after)


@pytest.mark.parametrize(
    "cursor", [{}, {"offset": 5}, {"path": 1, "origin": "", "start": 0, "offset": 0, "line": 1, "crc": 0, "passed": ""}]
)
def test_a_cursor_of_another_input_is_an_error(tmp_path: Path, cursor: Cursor) -> None:
    (tmp_path / "a").write_bytes(b"1\n")
    with pytest.raises(InputError, match="the saved cursor is not one of the input files"):
        read(tmp_path / "a", cursor)


def test_the_same_data_piped_again_goes_on() -> None:
    code = """
import json, sys
from logsentry_files.input import Files, FilesConfig
from logsentry.errors import InputError
try:
    for record in Files(FilesConfig(["-"])).read(json.loads(sys.argv[1])):
        print(json.dumps([record.data.decode(), record.cursor]))
except InputError as error:
    print(error)
"""

    def piped(data: bytes, after: object) -> list[bytes]:
        done = subprocess.run([sys.executable, "-c", code, json.dumps(after)], input=data, capture_output=True, check=True)
        return done.stdout.splitlines()

    whole = piped(b"1\n2\n3\n", None)
    assert piped(b"1\n2\n3\n", json.loads(whole[1])[1]) == whole[2:]
    assert piped(b"9\n2\n3\n", json.loads(whole[1])[1])[0].startswith(b"cannot go on after line 2 of -")


@settings(max_examples=20, deadline=None)
@given(
    files=st.lists(st.lists(st.binary(max_size=6), max_size=4), min_size=1, max_size=4),
    packed=st.lists(st.booleans(), min_size=4, max_size=4),
    rotated=st.integers(0, 3),
)
def test_a_pass_cut_off_anywhere_loses_nothing_when_files_rotate(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[bytes]], packed: list[bool], rotated: int
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    for number, lines in enumerate(files):
        (folder / f"log.{number}").write_bytes(b"file %d\n" % number + b"\n".join(lines))
    whole = read(folder / "log.*")
    places = [(record.origin, record.offset, record.data) for record in whole]
    for number in reversed(range(len(files))):
        old = folder / f"log.{number}"
        data = old.read_bytes()
        old.unlink()
        (folder / f"log.{number + rotated}").write_bytes(gzip.compress(data) if packed[number] else data)
    for index, record in enumerate(whole):
        rest = {(r.origin, r.offset, r.data) for r in read(folder / "log.*", record.cursor)}
        assert rest.issuperset(places[index + 1 :])
        assert places[index] not in rest
