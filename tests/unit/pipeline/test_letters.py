"""Dead letters read back: what is written can be replayed as it was, and what cannot says why."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import InputError, UsageError
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.landing import Landing
from logsentry.pipeline.letter_lines import KEPT
from logsentry.pipeline.letters import Letter, chosen, letters, rewrite
from logsentry.pipeline.letters_shown import as_json, as_lines, as_table
from logsentry.schema.event import event_id
from logsentry.schema.record import Address, Record

OLD = (
    b'{"id": "1428b4d722861d6861da6d7f09320ed7", "input": "a.log", "offset": 395, "line": 6, "length": 14, "reason": "no", '
    b'"source": "http-access", "record": "no access line", "at": "2026-11-22T04:42:50.846Z"}\n'
)


def buried(path: Path, *records: Record, **why: Any) -> list[Letter]:
    dead = DeadLetters(path)
    for record in records:
        dead.write(record, "http-access", "no", **why)
    dead.flush()
    return letters(path)


def plain(number: int) -> Record:
    return Record(b"x%d" % number, "a.log", "0123", number, {"line": number})


_text = st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"))
_names = st.one_of(_text, st.just(b"caf\xe9".decode("utf-8", "surrogateescape")))
_addresses = st.builds(Address, _names, _names, st.integers(-1, 9), st.integers(-1, 9), st.integers(0, 2**50))
_records = st.builds(Record, st.binary(max_size=60), _names, _names, st.integers(0, 2**40), st.just({}), st.none() | _addresses)


@given(_records)
def test_a_record_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, record: Record) -> None:
    [letter] = buried(tmp_path_factory.mktemp("dead") / "dead", record)
    assert letter.record == record
    assert letter.id == event_id(record)


def test_a_line_of_an_earlier_version_is_listed_and_not_replayed(tmp_path: Path) -> None:
    (tmp_path / "dead").write_bytes(OLD)
    [letter] = letters(tmp_path / "dead")
    assert (letter.record, letter.attempts) == (None, 1)
    assert letter.kept_back == "an earlier version wrote the line, without the record's origin"
    assert "a.log:6" in as_table([letter])
    assert "1 dead letters, 0 of them can be replayed" in as_table([letter])


def test_a_record_that_was_cut_is_not_replayed(tmp_path: Path) -> None:
    [letter] = buried(tmp_path / "dead", Record(b"x" * (KEPT + 1), "a.log", "0", 0, {}))
    assert (letter.record, letter.kept_back) == (None, "the record was too long to be kept whole")


@pytest.mark.parametrize(
    ("field", "value"),
    [("record", "other"), ("origin", "other"), ("offset", 9), ("offset", "x"), ("record", None), ("encoding", "base64")],
)
def test_a_line_that_was_changed_is_not_replayed(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "dead"
    [letter] = buried(path, plain(1))
    path.write_text(json.dumps({**letter.said, field: value}) + "\n")
    [changed] = letters(path)
    assert changed.record is None
    assert changed.kept_back in ("the line is damaged", "the line was changed: its record has not the id that it says")


@pytest.mark.parametrize("content", [b"my notes\n", b"[]\n", b"{}\n", b"\n", b'{"id": 5}\n', b"\xff\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dead").write_bytes(content)
    with pytest.raises(InputError, match="something else than dead letters at byte 0"):
        letters(tmp_path / "dead")


def test_half_a_line_at_the_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    found = buried(path, plain(1), plain(2))
    path.write_bytes(path.read_bytes()[:-1])
    assert letters(path) == found[:1]


def test_no_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file of dead letters at"):
        letters(tmp_path / "dead")


def test_an_id_names_all_records_of_its_score(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    buried(path, plain(1), plain(2), score="5c0e")
    found = buried(path, plain(3))
    assert chosen(found, [found[0].id[:10]]) == found[:2]
    assert chosen(found, ["5c0e"]) == found[:2]
    assert chosen(found, [found[2].id]) == found[2:]
    assert chosen(found, []) == found
    for wrong in ("no such", ""):
        with pytest.raises(UsageError, match="no dead letter has the id"):
            chosen(found, [found[0].id, wrong])


def test_lines_are_taken_out_while_another_adds(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    other = DeadLetters(path)
    for number in range(6):
        other.write(plain(number), "http-access", "no")
        other.flush()
        assert rewrite(path, lambda letter: None if letter.said["offset"] % 2 else letter.said) == number % 2
    assert [letter.said["offset"] for letter in letters(path)] == [0, 2, 4]


def test_what_lands_is_taken_out_and_what_fails_stays_with_its_new_reason(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    found = buried(path, plain(1), plain(2), plain(3), status=400, score="5c0e")
    landing = Landing(path, "c0ffee", "feed")
    landing.write(plain(2), "http-access", "still no", error="mapping")
    landing.add(plain(1))
    landing.add(plain(2))
    assert letters(path) == found
    landing.flush()
    again, untouched = letters(path)
    assert untouched == found[2]
    assert again.record == plain(2)
    assert (again.attempts, again.said["reason"], again.said["error"], again.said["config"]) == (
        2,
        "still no",
        "mapping",
        "c0ffee",
    )
    assert "status" not in again.said
    assert again.score == ""


def test_the_file_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    buried(path, plain(1), plain(2))
    path.chmod(0o600)
    rewrite(path, lambda letter: None)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_root_leaves_the_file_to_the_one_who_adds_to_it(tmp_path: Path) -> None:
    path = tmp_path / "dead"
    buried(path, plain(1), plain(2))
    os.chown(path, 4321, 1234)
    rewrite(path, lambda letter: None)
    assert (path.stat().st_uid, path.stat().st_gid) == (4321, 1234)


def test_what_a_log_smuggles_in_is_written_out(tmp_path: Path) -> None:
    [letter] = buried(tmp_path / "dead", Record(b"\x1b[2Jx\n", "a\x1b[31m\nb", "0", 0, {}))
    for shown in (as_table([letter]), as_json([letter]), as_lines([letter])):
        assert "\x1b" not in shown
    assert len(as_table([letter]).splitlines()) == 3
    assert json.loads(as_lines([letter])) == letter.said
    assert json.loads(as_json([letter]))[0]["replayable"] is True
