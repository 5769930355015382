"""Dead letters: what a line says, and that it is there once, whole, and on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from logsentry.errors import InputError, Unavailable
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.letter_lines import KEPT
from logsentry.schema.event import event_id
from logsentry.schema.record import Address, Cursor, Record


def record(number: int, data: bytes = b"no such line", **cursor: int) -> Record:
    place: Cursor = {"offset": number + 1, "line": number, **cursor}
    return Record(data, "access.log", "0123", number, place)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def write(path: Path, *records: Record) -> DeadLetters:
    dead = DeadLetters(path)
    for each in records:
        dead.write(each, "http-access", "it has no request")
    dead.flush()
    return dead


def test_there_is_no_file_without_a_dead_letter(tmp_path: Path) -> None:
    dead = write(tmp_path / "dead.ndjson")
    assert (dead.count, list(tmp_path.iterdir())) == (0, [])


def test_a_line_says_what_where_and_why(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "dead.ndjson"
    assert write(path, record(7, b"caf\xc3\xa9 \0")).count == 1
    [line] = lines(path)
    assert line.pop("at").startswith("20")
    assert line == {
        "id": event_id(record(7, b"caf\xc3\xa9 \0")), "input": "access.log", "origin": "0123", "offset": 7, "line": 7, "length": 7,
        "reason": "it has no request", "source": "http-access", "attempts": 1, "record": "café \0",
    }  # fmt: skip
    assert "café".encode() in path.read_bytes()


def test_a_document_says_where_it_stands_and_what_the_server_answered(tmp_path: Path) -> None:
    address = Address("logs-web", "a1", 7, 2, 1_700_000_000_000)
    dead = DeadLetters(tmp_path / "dead", config="c0ffee", bundle="feed")
    found = Record(b"x", "logs-web", "logs-web/a1", 0, {"time": 1}, address)
    dead.write(found, "http-access", "mapping", status=400, error="document_parsing_exception", score="5c0e")
    dead.flush()
    [line] = lines(tmp_path / "dead")
    assert {name: line[name] for name in ("index", "document", "version", "time")} == {
        "index": "logs-web", "document": "a1", "version": [7, 2], "time": 1_700_000_000_000,
    }  # fmt: skip
    assert (line["status"], line["error"], line["score"]) == (400, "document_parsing_exception", "5c0e")
    assert (line["config"], line["bundle"], line["attempts"]) == ("c0ffee", "feed", 1)


def test_a_record_up_to_a_mebibyte_is_kept_whole(tmp_path: Path) -> None:
    write(tmp_path / "dead", record(0, b"x" * KEPT))
    [line] = lines(tmp_path / "dead")
    assert "truncated" not in line
    assert len(line["record"]) == KEPT


def test_an_input_without_lines_has_none(tmp_path: Path) -> None:
    write(tmp_path / "dead", Record(b"x", "index", "o", 5, {"seq": 1}))
    assert lines(tmp_path / "dead")[0]["line"] is None


def test_a_name_that_is_no_utf8_is_escaped(tmp_path: Path) -> None:
    write(tmp_path / "dead", Record(b"x", b"caf\xe9".decode("utf-8", "surrogateescape"), "o", 5, {}))
    assert lines(tmp_path / "dead")[0]["input"] == "caf\udce9"


def test_bytes_that_are_no_text_are_base64(tmp_path: Path) -> None:
    write(tmp_path / "dead", record(0, b"\xff\xfe"))
    [line] = lines(tmp_path / "dead")
    assert (line["encoding"], b64decode(line["record"]), line["length"]) == ("base64", b"\xff\xfe", 2)


@pytest.mark.parametrize("before", range(4))
def test_a_long_record_ends_with_a_whole_character_and_tells_its_length(tmp_path: Path, before: int) -> None:
    data = b"x" * before + "漢🂡".encode() * 160_000
    write(tmp_path / "dead", record(0, data))
    [line] = lines(tmp_path / "dead")
    assert "encoding" not in line
    assert data.startswith(line["record"].encode())
    assert KEPT - 4 < len(line["record"].encode()) <= KEPT
    assert line["truncated"] is True
    assert line["length"] == len(data)


def test_a_record_that_the_input_cut_tells_its_whole_length(tmp_path: Path) -> None:
    write(tmp_path / "dead", record(0, b"\xff" * KEPT * 2, length=100_000_000))
    [line] = lines(tmp_path / "dead")
    assert (line["length"], line["truncated"]) == (100_000_000, True)
    assert len(b64decode(line["record"])) == KEPT


def test_the_same_records_again_add_no_line(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    write(path, record(1), record(1), record(2))
    before = path.read_bytes()
    assert write(path, record(2), record(1)).count == 2
    assert path.read_bytes() == before
    write(path, record(3), record(2))
    assert [line["offset"] for line in lines(path)] == [1, 2, 3]


def test_two_writers_of_one_file_add_each_line_once(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    one, other = DeadLetters(path), DeadLetters(path)
    for number in range(6):
        for dead in (one, other) if number % 2 else (other, one):
            dead.write(record(number), "s", "r")
            dead.flush()
    assert [line["offset"] for line in lines(path)] == list(range(6))


def test_half_a_line_left_by_a_crash_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    write(path, record(1), record(2))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole)):
        path.write_bytes(whole[:end])
        write(path, record(2), record(3))
        assert [line["offset"] for line in lines(path)] == [1, 2, 3]


def test_lines_that_somebody_removed_come_back(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    dead = write(path, record(1), record(2))
    path.write_bytes(b"")
    dead.write(record(3), "s", "r")
    dead.flush()
    write(path, record(1))
    assert [line["offset"] for line in lines(path)] == [3, 1]


def test_a_file_that_was_written_anew_in_its_old_place_is_read_anew(tmp_path: Path) -> None:
    """Lines taken out twice may leave the file under an inode that it had before, and longer than it was."""
    path = tmp_path / "dead"
    mine = write(path, record(1))
    write(path, record(2))
    mine.write(record(3), "http-access", "no")
    mine.flush()
    first = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(first.replace(b'"reason": "', b'"reason": "' + b"why " * 300))
    mine.write(record(2), "http-access", "again")
    mine.flush()
    assert [(line["line"], line["reason"][:5]) for line in lines(path)] == [(1, "why w"), (2, "again")]


@pytest.mark.parametrize("content", [b"my notes\n", b"my notes", b"\n", b'{"other": 1}\n'])
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(InputError, match="holds something else than dead letters at byte 0; give another file"):
        write(path, record(1))
    assert path.read_bytes() == content


def test_many_are_written_before_the_flush_too(tmp_path: Path) -> None:
    dead = DeadLetters(tmp_path / "dead")
    for number in range(40):
        dead.write(record(number, b"x" * 60_000), "s", "r")
    assert len(lines(tmp_path / "dead")) > 10
    dead.flush()
    assert len(lines(tmp_path / "dead")) == dead.count == 40


def test_what_cannot_be_written_is_one_sentence_and_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    dead = DeadLetters(tmp_path / "file" / "dead")
    dead.write(record(1), "s", "r")
    with pytest.raises(Unavailable, match=r"cannot write the dead letters .*: Not a directory"):
        dead.flush()
    (tmp_path / "file").unlink()
    dead.flush()
    assert len(lines(tmp_path / "file" / "dead")) == 1


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the disk: the write that crosses it fails after a part was written."""
    code = f"""
import pathlib, resource, signal
from logsentry.errors import Unavailable
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.schema.record import Record
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
dead = DeadLetters(pathlib.Path({str(tmp_path / "dead")!r}))
for number in range(100):
    dead.write(Record(b"x" * 700, "f", "o", number, {{}}), "s", "r")
    try:
        dead.flush()
    except Unavailable as error:
        print(number, len(pathlib.Path({str(tmp_path / "dead")!r}).read_bytes().splitlines()), error)
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
dead.flush()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    number, there, sentence = done.stdout.split(" ", 2)
    assert number == there
    assert "File too large" in sentence
    assert [line["offset"] for line in lines(tmp_path / "dead")] == list(range(int(number) + 1))


def test_dead_letters_can_be_thrown_away() -> None:
    assert write(Path("/dev/null"), record(1)).count == 1
