"""A `_bulk` body becomes items in order, and no bytes make it fail in another way than it says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.server.intake.bulk_items import Item, items_of
from logsentry.server.intake.picking import parsed, picked


def items(*rows: str, field: str = "message") -> list[Item]:
    return list(items_of("".join(row + "\n" for row in rows).encode(), "of-the-address", field, "::1"))


def test_the_id_of_the_client_is_kept_and_one_is_made_up_where_it_gave_none() -> None:
    found = items(
        '{"index":{"_id":"a"}}', '{"message":"x"}', '{"create":{}}', '{"message":"x\\n"}', '{"index":{"_id":7}}', '{"message":""}'
    )
    records = [item.record for item in found]
    assert [record.own for record in records if record] == ["of-the-address/a", "", "of-the-address/7"]
    assert [record.data for record in records if record] == [b"x", b"x", b""]
    assert len(found[1].id) > 10
    assert found[2].id == "7"


def test_the_index_of_the_action_counts_before_that_of_the_address() -> None:
    (item,) = items('{"index":{"_index":"own","_type":"_doc","pipeline":"p"}}', '{"message":"x"}')
    assert item.index == "own"


def test_what_stands_behind_an_action_is_passed_over() -> None:
    """winston-elasticsearch counts its attempts there, and Elasticsearch 8 takes it."""
    (item,) = items('{"index":{"_index":"own"},"attempts":0}', '{"message":"x"}')
    assert (item.action, item.index, item.status) == ("index", "own", 201)


def test_blank_lines_between_actions_are_passed_over_and_lines_may_end_as_in_windows() -> None:
    found = list(items_of(b'\n{"index":{}}\r\n{"message":"x"}\r\n\n{"index":{}}\n{"message":"y"}\n', "i", "message", ""))
    assert [item.record.data for item in found if item.record] == [b"x", b"y"]


@pytest.mark.parametrize("row", ["7", "[]", "{}", '{"upsert":{}}', '{"index":1}', "{", "\ufffe"])
def test_a_line_that_is_no_action_refuses_the_whole_request(row: str) -> None:
    with pytest.raises(UsageError, match=r"Malformed action/metadata line \[3\]"):
        items('{"index":{}}', '{"message":"x"}', row, '{"message":"y"}')


def test_a_document_that_is_missing_or_no_object_is_its_own_trouble() -> None:
    found = items('{"index":{}}', "[]", '{"index":{}}', '{"message":"x"}', '{"index":{}}')
    assert [item.status for item in found] == [400, 201, 400]
    assert {item.kind for item in found if item.status == 400} == {"document_parsing_exception"}


@pytest.mark.parametrize("body", [b"", b'{"index":{}}', b'{"index":{}}\n{"message":"x"}'])
def test_a_body_ends_with_a_newline(body: bytes) -> None:
    with pytest.raises(UsageError, match=r"newline|required"):
        list(items_of(body, "", "message", ""))


@given(st.binary(max_size=300), st.sampled_from(["message", "document", "a.b"]))
def test_no_bytes_make_it_fail_otherwise(data: bytes, field: str) -> None:
    try:
        found = list(items_of(data, "i", field, ""))
    except UsageError:
        return
    assert all(json.dumps(item.answer()) for item in found)


def test_deep_nesting_is_the_documents_trouble() -> None:
    (item,) = items('{"index":{}}', '{"message":' + "[" * 100_000 + "]" * 100_000 + "}")
    assert item.status == 400


@pytest.mark.parametrize(
    ("document", "field", "record"),
    [
        ({"message": "x"}, "message", b"x"),
        ({"event": {"original": "x\r\n"}}, "event.original", b"x"),
        ({"event.original": "dotted"}, "event.original", b"dotted"),
        ({"a": {"b.c": "half"}}, "a.b.c", b"half"),
        ({"message": "x"}, "document", b'{"message":"x"}'),
    ],
)
def test_the_record_is_the_field_or_the_document(document: dict[str, object], field: str, record: bytes) -> None:
    raw = json.dumps(document, separators=(",", ":")).encode()
    assert picked(parsed(raw), raw, field) == (record, "")


@pytest.mark.parametrize("document", [{}, {"message": 1}, {"message": None}, {"message": ["x"]}, {"message": {"x": "y"}}])
def test_without_text_in_the_field_the_document_is_kept_whole(document: dict[str, object]) -> None:
    raw = json.dumps(document).encode()
    assert picked(parsed(raw), raw, "message") == (raw, "message")
