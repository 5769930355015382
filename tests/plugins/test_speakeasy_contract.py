"""The source keeps the contract of every source, on a report of each schema."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from logsentry_speakeasy.source import Speakeasy
from logsentry_speakeasy.text import ReportText
from logsentry_speakeasy.values import argument_words, host_words, name_words, value_words
from logsentry_speakeasy.word_table import WordTable

from logsentry.sdk import BadRecord
from logsentry.testing import SourceContract, hostile_bytes, mangled

FOLDER = Path(__file__).parents[1] / "golden" / "speakeasy"
SMALL = (
    b'[{"ep_type":"module_entry","apis":[{"pc":"0x1","api_name":"KERNEL32.GetACP","args":[],"ret_val":"0x4e4"}],"error":{}}]',
    b'{"report_version":"5.0.0","entry_points":[{"ep_type":"thread","events":[{"event":"api","api_name":"a.b","args":[{"display":"c"}]}]}]}',
)
WORDS = st.text(alphabet=st.sampled_from("ab0 x\\/.:%<>_-é\u3000\ud800@{}'\""), max_size=60) | st.text(max_size=60)


class TestSpeakeasy(SourceContract):
    make = Speakeasy
    sample = (*SMALL, *(path.read_bytes() for path in sorted(FOLDER.glob("events-*.report"))))


@settings(max_examples=300, deadline=None)
@given(data=hostile_bytes() | mangled(SMALL))
def test_any_bytes_become_words_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(BadRecord):
        text = ReportText().tokens(data)
        assert text == " ".join(text.split())
        assert text.isascii()


@settings(max_examples=500, deadline=None)
@given(value=WORDS)
def test_any_value_becomes_plain_words(value: str) -> None:
    for normalize in (name_words, host_words, value_words, argument_words):
        words = normalize(value)
        assert set(words) <= set("abcdefghijklmnopqrstuvwxyz0123456789 ")
        assert words == " ".join(words.split())


@settings(max_examples=200, deadline=None)
@given(
    pieces=st.lists(st.text(alphabet="ab ", max_size=8).map(lambda text: " ".join(text.split())).filter(bool)),
    limit=st.integers(1, 40),
)
def test_a_table_of_words_gives_the_ids_of_the_whole_text(pieces: list[str], limit: int) -> None:
    def encode(text: str) -> list[int]:
        return [ord(letter) for word in text.split() for letter in "_" + word]

    assert WordTable(encode, limit).ids(pieces) == encode(" ".join(pieces))[:limit]
