"""Events of a collector's request, and what is told to who asks for acknowledgements."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.server.intake.hec_records import Refused, events, raw_lines


def read(text: str, field: str = "message") -> list[tuple[bytes, str]]:
    return [(record.data, record.lacks) for record in events(text.encode(), field, "::1")]


def test_events_are_text_or_documents_however_they_are_set_apart() -> None:
    text = '{"event":"a\\n"}{"event":"b","time":1}\n\n {"event":{"message":"c"}} {"event":{"x":1}}{"event":5}'
    assert read(text) == [(b"a", ""), (b"b", ""), (b"c", ""), (b'{"x":1}', "message"), (b"5", "")]
    assert read('{"event":{"message":"c"}}', "document") == [(b'{"message":"c"}', "")]


@pytest.mark.parametrize(
    ("text", "code", "number"),
    [
        ('{"event":"a"}{', 6, 1), ('{"event":"a"}[]', 6, 1), ("nonsense", 6, 0), ('{"time":1}', 12, 0), ('{"event":""}', 13, 0),
        ('{"event":"a"} {"event":null}', 13, 1), ('{"event":"\\ud800"}', 6, 0), ('{"event":{"message":"\\ud800"}}', 6, 0),
    ],
)  # fmt: skip
def test_the_first_bad_event_is_named(text: str, code: int, number: int) -> None:
    with pytest.raises(Refused) as refused:
        read(text)
    assert refused.value.said["code"] == code
    assert refused.value.said["invalid-event-number"] == number


@given(st.binary(max_size=200), st.sampled_from(["message", "document"]))
def test_no_bytes_make_it_fail_otherwise(data: bytes, field: str) -> None:
    with suppress(Refused):
        assert all(record.data is not None for record in events(data, field, ""))
    assert b"\n" not in b"".join(record.data for record in raw_lines(data, ""))


@given(st.lists(st.text(min_size=1).filter(lambda text: text.rstrip("\r\n") != ""), max_size=5))
def test_text_comes_through_as_it_was(texts: list[str]) -> None:
    sendable = [text for text in texts if text.encode("utf-8", "ignore").decode() == text]
    found = read("".join(json.dumps({"event": text}) for text in sendable))
    assert [data.decode() for data, _ in found] == [text.rstrip("\r\n") for text in sendable]


def test_raw_lines_are_one_record_each() -> None:
    assert [record.data for record in raw_lines(b"a\r\n\nb\n\nc", "")] == [b"a", b"b", b"c"]
