"""Rows of token ids: the contract of every source, whole documents, and what is refused and why.

`python tests/plugins/test_speakeasy_tokens.py` writes the golden documents anew.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logsentry_speakeasy.tokens import SpeakeasyTokens

from logsentry.sdk import BadRecord, Event, Filtered
from logsentry.testing import GoldenContract, SourceContract, record_of

GOLDEN = Path(__file__).parents[1] / "golden" / "speakeasy-tokens"
ROWS = tuple(line for line in (GOLDEN / "rows.jsonl").read_bytes().split(b"\n")[:4])


def decoded(data: bytes) -> Event:
    found = SpeakeasyTokens(SpeakeasyTokens.Config()).decode(record_of(data))
    assert not isinstance(found, Filtered)
    (event,) = found
    return event


class TestSpeakeasyTokens(SourceContract):
    make = SpeakeasyTokens
    sample = ROWS


class TestSpeakeasyTokensGolden(GoldenContract):
    make = SpeakeasyTokens
    folder = GOLDEN
    suffixes = (".jsonl",)


@given(ids=st.lists(st.integers(0, 2**31 - 1)), label=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_ids_and_other_keys_come_through(ids: list[int], label: str) -> None:
    event = decoded(json.dumps({"label": label, "ids": ids}).encode())
    assert event.fields.get("tokens.ids", []) == ids
    assert event.fields["tokens.ids_count"] == len(ids)
    assert event.fields.get("tokens.label", label) == label


@pytest.mark.parametrize("ids", [[-1], [2**31], [10**40], [1.0], [1.5], ["1"], [True], [None], [[1]], {}, "1", 1, True, None])
def test_what_is_no_list_of_ids_is_refused(ids: Any) -> None:
    with pytest.raises(BadRecord, match="'ids' is no list of whole numbers from 0 to 2,147,483,647") as refused:
        decoded(json.dumps({"ids": ids}).encode())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[1, 2]", "no JSON object"),
        (b'"ids"', "no JSON object"),
        (b"null", "no JSON object"),
        (b'{"label": 1}', "has no 'ids'"),
        (b'{"ids": [1]', "not valid JSON"),
        (b'{"ids": [1]} x', "not valid JSON"),
        (b'{"ids": [1], "a": \xff}', "not valid JSON"),
        (b'{"ids": [1], "a": NaN}', "not valid JSON"),
        (b'{"ids": [1], "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not valid JSON"),
        (b'{"ids": [1], "a.b": 1}', "the key 'a.b' is no plain name"),
        (b'{"ids": [1], "": 1}', "the key '' is no plain name"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else None,
)
def test_what_is_no_row_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        decoded(data)


def test_a_row_without_ids_is_an_event_so_that_each_line_has_a_score() -> None:
    assert decoded(b'{"ids": []}').fields == {"event.kind": "event", "tokens.ids_count": 0}


def test_a_key_of_the_row_never_replaces_what_was_counted() -> None:
    assert decoded(b'{"ids": [4, 5], "ids_count": 9}').fields["tokens.ids_count"] == 2


def test_blank_lines_are_left_out() -> None:
    assert SpeakeasyTokens(SpeakeasyTokens.Config()).decode(record_of(b" \r")) == Filtered("blank record")


def test_a_row_that_is_too_long_is_refused_unread() -> None:
    with pytest.raises(BadRecord, match="11 bytes, more than the 10"):
        SpeakeasyTokens(SpeakeasyTokens.Config(max_row_bytes=10)).decode(record_of(b'{"ids":[1]}'))


@pytest.mark.data
def test_staged_rows_keep_their_ids(data: Path) -> None:
    with lzma.open(data / "speakeasy" / "tokens" / "test_dev.jsonl.xz") as lines:
        for _, line in zip(range(500), lines, strict=False):
            row, event = json.loads(line), decoded(line)
            assert event.fields["tokens.ids"] == row["ids"]
            assert (event.fields["tokens.label"], event.fields["tokens.y"]) == (row["label"], row["y"])


if __name__ == "__main__":
    TestSpeakeasyTokensGolden.rewrite()
