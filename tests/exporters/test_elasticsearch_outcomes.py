"""What each answer means for an item: by status, for every status and any error name; and reading answers that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logsentry_elasticsearch.bulk import items_of
from logsentry_elasticsearch.connection import Answer, Broken
from logsentry_elasticsearch.outcomes import LONGEST_REASON, Said, of_answer, of_broken, of_item, outcome, question, to_halve

from logsentry.sdk import Delivered, Outcome, Rejected, Retry

NAMES = st.sampled_from(["document_parsing_exception", "mapper_parsing_exception", "an_error_of_next_year", "", "null"])


@pytest.mark.parametrize(
    ("status", "whole", "expected"),
    [
        (200, False, Delivered), (201, False, Delivered), (409, False, Delivered), (400, False, Rejected), (413, False, Rejected),
        (401, False, "paused"), (403, False, "paused"), (404, False, "paused"), (429, False, "again"), (500, False, "again"),
        (503, False, "again"), (408, False, "again"), (400, True, "paused"), (413, True, Rejected), (401, True, "paused"),
        (403, True, "paused"), (404, True, "paused"), (405, True, "paused"), (301, True, "paused"), (429, True, "again"),
        (500, True, "paused"), (502, True, "paused"), (503, True, "paused"), (504, True, "paused"), (0, True, "paused"),
    ],
)  # fmt: skip
def test_the_table(status: int, whole: bool, expected: str | type[Outcome]) -> None:
    found = outcome(Said(status, whole=whole, reason="why"))
    if isinstance(found, Retry):
        assert expected == ("paused" if found.paused else "again")
    else:
        assert type(found) is expected


@given(st.integers(100, 599), NAMES, st.text())
def test_the_name_of_an_error_decides_nothing_but_the_pace(status: int, name: str, reason: str) -> None:
    one, other = (
        outcome(of_item({"status": status, "error": {"type": kind, "reason": reason}})) for kind in (name, "something_else")
    )
    assert type(one) is type(other)
    assert not isinstance(one, Retry) or one.paused == isinstance(other, Retry) * other.paused
    blocked = outcome(of_item({"status": status, "error": {"type": "cluster_block_exception"}}))
    assert type(blocked) is type(one)
    assert status != 429 or blocked == Retry("cluster_block_exception:", paused=True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"type":"illegal_argument_exception","reason":"Malformed"},"status":400}', Rejected),
        (b"<html>use https</html>", Retry),
    ],
)
def test_a_bad_request_is_the_documents_fault_where_elasticsearch_says_so(body: bytes, expected: type[Outcome]) -> None:
    said = of_answer(Answer(400, body))
    assert to_halve(said) == (expected is Rejected)
    assert isinstance(outcome(said), expected)


@given(st.sampled_from([200, 201]), st.sampled_from(["used", "not_enabled", "failed", "not_applicable_or_unknown"]))
def test_the_failure_store_is_no_delivery(status: int, store: str) -> None:
    found = outcome(of_item({"status": status, "failure_store": store}))
    assert isinstance(found, Rejected) == (store == "used")
    assert isinstance(found, Delivered) == (store != "used")


def test_the_failure_store_is_seen_behind_an_answer_without_errors() -> None:
    body = b'{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201,"failure_store":"used"}}]}'
    first, second = map(outcome, items_of(Answer(200, body), 2))
    assert first == Delivered()
    assert isinstance(second, Rejected)
    assert "failure store" in second.reason


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>fine</html>", b"{}", b"[]", b"null", b'{"errors":false}', b'{"errors":false,"items":[]}',
        b'{"errors":true,"items":[{"create":{"status":201}}]}', b'{"errors":false,"items":[{"create":{"status":201}}]}',
        b'{"errors":true,"items":[{"create":{}},{"create":{}}]}', b'{"errors":true,"items":[1,2]}', b'{"errors":true,"items":{"a":{}}}',
        b'{"errors":true,"items":[{"create":{"status":"x"}},{"create":null}]}',
    ],
)  # fmt: skip
def test_an_answer_that_is_not_about_every_item_counts_as_none(body: bytes) -> None:
    said = items_of(Answer(200, body), 2)
    assert [one.unsure for one in said] == [True, True]
    assert all(isinstance(found, Retry) and found.paused for found in map(outcome, said))


@given(st.binary(max_size=200), st.integers(1, 5))
def test_any_answer_is_read(body: bytes, count: int) -> None:
    said = items_of(Answer(200, body), count)
    assert len(said) == count
    assert not any(isinstance(outcome(one), Delivered | Rejected) for one in said)


@given(st.lists(st.sampled_from([201, 409, 429, 400, 403]), min_size=1, max_size=20))
def test_each_item_gets_what_was_said_of_it(statuses: list[int]) -> None:
    items = ",".join(f'{{"create":{{"status":{status}}}}}' for status in statuses)
    errors = "false" if set(statuses) == {201} else "true"
    said = items_of(Answer(200, f'{{"errors":{errors},"items":[{items}]}}'.encode()), len(statuses))
    assert [one.status for one in said] == statuses


def test_whether_it_may_have_been_stored() -> None:
    unsure = {status for status in range(100, 600) if of_answer(Answer(status, b"")).unsure}
    assert unsure == {408, *range(500, 600)}
    assert of_broken(Broken("cut off")).unsure
    assert not of_broken(Broken("refused", sent=False)).unsure


@given(st.integers(100, 599))
def test_a_question_without_an_answer_gives_no_item_up(status: int) -> None:
    assert question(of_answer(Answer(status, b""))).paused == (status != 429)


@given(st.text(max_size=2_000))
def test_reasons_are_one_short_line(text: str) -> None:
    reason = of_item({"status": 400, "error": {"type": text, "reason": text, "caused_by": {"reason": text}}}).reason
    assert len(reason) <= LONGEST_REASON
    assert len(reason.splitlines()) <= 1
