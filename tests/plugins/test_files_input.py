"""The input `files` as a whole: what it reads, where it says things were, and every bad path in one sentence."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import pytest
from logsentry_files.config import FilesConfig
from logsentry_files.input import Files

from logsentry.errors import InputError, UsageError
from logsentry.sdk import Record, event_id
from logsentry.testing.input_contract import InputContract

LINES = b"first line\nsecond\n\nfourth, after a blank one\nlast"


class TestFiles(InputContract):
    def make(self, folder: Path) -> Files:
        (folder / "b.log").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\nthree without an end")
        (folder / "a.log").write_bytes(LINES)
        (folder / "c.log").write_bytes(b"")
        return Files(FilesConfig([str(folder / "*.log")]))


class TestDocuments(InputContract):
    def make(self, folder: Path) -> Files:
        for name in "abc":
            (folder / f"{name}.json").write_bytes(b'{\n "name": "%s"\n}\n' % name.encode())
        return Files(FilesConfig([str(folder / "*.json")], framing="document"))


class TestCutLines(InputContract):
    def make(self, folder: Path) -> Files:
        (folder / "a.log").write_bytes(LINES)
        return Files(FilesConfig([str(folder / "a.log")], max_record_bytes=4))


def read(*paths: Path | str, **config: object) -> list[Record]:
    found = Files(FilesConfig([str(path) for path in paths], **config)).read()  # type: ignore[arg-type]
    return [record for record in found if record is not None]


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_record_says_where_it_was(tmp_path: Path) -> None:
    path = put(tmp_path / "a.log", LINES)
    records = read(path)
    assert [record.data for record in records] == LINES.split(b"\n")
    assert [record.cursor["line"] for record in records] == [1, 2, 3, 4, 5]
    for record in records:
        assert LINES[record.offset :].startswith(record.data)
        assert record.input == record.cursor["path"] == str(path)
        assert record.origin == record.cursor["origin"] == blake2b(b"first line", digest_size=16).hexdigest()
    assert [record.cursor["offset"] for record in records] == [*(record.offset for record in records[1:]), len(LINES)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", [(0, b"")]),
        (b"\n\n", [(0, b""), (1, b"")]),
        (b"a", [(0, b"a")]),
        (b"a\n", [(0, b"a")]),
        (b"a\r\nb\nc\r\n", [(0, b"a"), (3, b"b"), (5, b"c")]),
        (b"a\rb\n", [(0, b"a\rb")]),
        (b"\0\n\0\0", [(0, b"\0"), (2, b"\0\0")]),
        (b"\xff\xc0\n", [(0, b"\xff\xc0")]),
        (b"\xef\xbb\xbfa\nb", [(3, b"a"), (5, b"b")]),
        (b"\xef\xbb\xbf", []),
    ],
)
def test_line_ends_marks_and_odd_bytes(tmp_path: Path, data: bytes, expected: list[tuple[int, bytes]]) -> None:
    assert [(record.offset, record.data) for record in read(put(tmp_path / "f", data))] == expected


def test_a_document_is_one_record(tmp_path: Path) -> None:
    paths = [put(tmp_path / "a", b'{"a":\r\n1}\r\n'), put(tmp_path / "b", b""), put(tmp_path / "c", b"x" * 3_000_000)]
    assert [(record.data, record.offset) for record in read(*paths, framing="document")] == [
        (b'{"a":\r\n1}\r\n', 0),
        (b"x" * 3_000_000, 0),
    ]


def test_a_line_too_long_is_cut_and_tells_its_length(tmp_path: Path) -> None:
    path = put(tmp_path / "f", b"ab\n" + b"x" * 2_000_000 + b"\r\ncd\n" + b"y" * 11)
    records = read(path, max_record_bytes=10)
    assert [(record.offset, record.data) for record in records] == [
        (0, b"ab"),
        (3, b"x" * 10),
        (2_000_005, b"cd"),
        (2_000_008, b"y" * 10),
    ]
    assert [record.cursor.get("length") for record in records] == [None, 2_000_001, None, 11]
    [document] = read(path, max_record_bytes=10, framing="document")
    assert (document.data, document.cursor["length"]) == (b"ab\nxxxxxxx", 2_000_019)


def test_a_line_of_100_megabytes_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        file.write(b"first\n")
        file.truncate(100_000_000)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    code = f"""
import resource
from logsentry_files.input import Files, FilesConfig
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = Files(FilesConfig([{str(path)!r}], max_record_bytes=1 << 20)).read()
print([(record.offset, len(record.data), record.cursor.get("length")) for record in found])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    records, kibibytes = done.stdout.splitlines()
    assert records == "[(0, 5, None), (6, 1048576, 99999994), (100000001, 4, None)]"
    assert int(kibibytes) < 16_000


def test_files_come_in_the_order_given_and_matches_by_name(tmp_path: Path) -> None:
    for name in ("b", "a", "z", "deep/in/a"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        put(tmp_path / name, name.encode())
    assert [record.data for record in read(tmp_path / "z", tmp_path / "*")] == [b"z", b"a", b"b"]
    assert [record.data for record in read(tmp_path / "**")] == [b"a", b"b", b"deep/in/a", b"z"]


def test_a_file_named_twice_or_linked_to_is_read_once(tmp_path: Path) -> None:
    path = put(tmp_path / "a", b"x\n")
    (tmp_path / "link").symlink_to(path)
    assert len(read(path, tmp_path / "*", tmp_path / ".." / tmp_path.name / "a")) == 1


def test_a_name_with_signs_of_a_pattern_is_a_name_first(tmp_path: Path) -> None:
    put(tmp_path / "a[1].log", b"literal")
    put(tmp_path / "a1.log", b"pattern")
    assert [record.data for record in read(tmp_path / "a[1].log")] == [b"literal"]


def test_a_name_that_is_no_utf8_is_read(tmp_path: Path) -> None:
    put(tmp_path / os.fsdecode(b"caf\xe9.log"), b"x")
    [record] = read(tmp_path / "*.log")
    assert os.fsencode(record.input).endswith(b"caf\xe9.log")
    assert event_id(record)


def sentence(*paths: Path | str) -> str:
    """What is said of bad paths, beside a good one that comes first: nothing may be read before it is said."""
    found = Files(FilesConfig([str(path) for path in paths])).read()
    with pytest.raises(InputError) as caught:
        next(found)
    return str(caught.value)


def test_every_bad_path_is_one_sentence_before_anything_is_read(tmp_path: Path) -> None:
    good = put(tmp_path / "good.log", b"x\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert sentence(good, tmp_path / "none") == f"there is no file {tmp_path}/none"
    assert sentence(good, tmp_path / "broken") == f"there is no file {tmp_path}/broken"
    assert sentence(good, tmp_path / "brok*") == f"there is no file {tmp_path}/broken"
    assert sentence(good, tmp_path / "*.txt") == f"no file matches {tmp_path}/*.txt"
    assert sentence(good, tmp_path / "fold*") == f"no file matches {tmp_path}/fold*"
    assert sentence(good, tmp_path / "folder") == (
        f"{tmp_path}/folder is a folder; name its files or a pattern such as {tmp_path}/folder/*"
    )


def test_a_file_without_the_right_to_read_it_is_one_sentence(tmp_path: Path) -> None:
    """In a process of its own that gives up root, to which every file is readable."""
    path = put(tmp_path / "secret", b"x\n")
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o111) if os.getuid() == 0 and folder.stat().st_uid == 0 else None
    code = f"""
import os
from logsentry_files.input import Files, FilesConfig
from logsentry.errors import InputError
if os.getuid() == 0:
    os.setgroups([])
    os.setresuid(65534, 65534, 65534)
try:
    list(Files(FilesConfig([{str(path)!r}])).read())
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"cannot read {path}: permission denied\n"


def test_text_in_utf16_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    for name, data in (("le", "a log\n".encode("utf-16")), ("be", b"\xfe\xff\0a")):
        with pytest.raises(InputError, match=rf"{name} is UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8"):
            read(put(tmp_path / name, data))


def test_an_input_without_paths_or_room_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="name at least one path"):
        Files(FilesConfig([]))
    with pytest.raises(UsageError, match="max_record_bytes must be at least 1"):
        Files(FilesConfig(["a"], max_record_bytes=0))


READER = """
from logsentry_files.input import Files, FilesConfig
for record in Files(FilesConfig(["-"])).read():
    print(None if record is None else (record.offset, record.data), flush=True)
"""


def test_stdin_is_read_and_unpacked(tmp_path: Path) -> None:
    for data in (b"a\nb", gzip.compress(b"a\nb")):
        done = subprocess.run([sys.executable, "-c", READER], input=data, capture_output=True, check=True)
        assert done.stdout == b"(0, b'a')\n(2, b'b')\n"
    assert subprocess.run([sys.executable, "-c", READER], stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout == b""


def test_a_pipe_gives_lines_as_they_come_and_tells_when_it_is_idle() -> None:
    with subprocess.Popen([sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"first line\nsec")
        child.stdin.flush()
        assert child.stdout.readline() == b"(0, b'first line')\n"
        assert child.stdout.readline() == b"None\n"
        child.stdin.write(b"ond\n")
        child.stdin.close()
        assert [line for line in child.stdout.read().splitlines() if line != b"None"] == [b"(11, b'second')"]


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"printf 'a\\nb\\n' > {tmp_path}/pipe"]):
        assert [record.data for record in read(tmp_path / "pipe")] == [b"a", b"b"]


def test_it_says_how_far_it_is(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(b"line\n" * 10)
    files = Files(FilesConfig(paths=[str(tmp_path / "*.log")]))
    assert files.position() == (0, 0)
    places = [files.position() for _ in files.read()]
    assert places == sorted(places)
    assert places[0][1] == 100
    assert places[-1] == (100, 100)
