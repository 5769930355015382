from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import BundleRefused, TrainingError, UsageError
from logsentry.text.vocabulary import MASK, PAD, UNK
from logsentry.text.whitespace import Whitespace
from logsentry.text.word_table import LONGEST, WordTable, counted, in_order, words_of

ROWS = [["open key", "kernel32 createfilew", "0x4"], ["open key", "kernel32 getprocaddress"], ["0x4", "", "  "]]


def learned(size: int = 50_000, min_count: int = 1) -> Whitespace:
    return Whitespace.learn(counted(ROWS), size, min_count)


def test_words_by_falling_count_then_by_text_after_the_special_ids() -> None:
    tokenizer = learned()
    assert [tokenizer.text(token) for token in range(len(tokenizer))] == [
        "<pad>", "<unk>", "<mask>", "0x4", "kernel32", "key", "open", "createfilew", "getprocaddress",
    ]  # fmt: skip
    assert (PAD, UNK, MASK) == (0, 1, 2)


def test_the_order_of_counting_does_not_matter() -> None:
    counts = counted(ROWS)
    shuffled = list(counts.items())
    random.Random(1).shuffle(shuffled)
    assert Whitespace.learn(Counter(dict(shuffled))).to_json() == Whitespace.learn(counts).to_json()


def test_the_size_counts_the_special_ids_and_rarer_words_are_unknown() -> None:
    tokenizer = learned(size=5)
    assert len(tokenizer) == 5
    assert tokenizer.ids(["0x4 kernel32 open", "never seen"]) == [3, 4, UNK, UNK, UNK]
    assert len(learned(min_count=2)) == 7


def test_text_makes_no_special_id_but_unknown() -> None:
    tokenizer = Whitespace.learn(counted([["<mask> <pad> <unk> word"]]))
    assert tokenizer.ids(["<mask> <pad> <unk> word"]) == [UNK, UNK, UNK, 3]


def test_words_that_no_vocabulary_takes_in() -> None:
    counts = Counter({"a": 1, "b\tc": 9, "d\n": 9, "\ud800": 9, "x" * (LONGEST + 1): 9, "<mask>": 9})
    assert in_order(counts) == [("a", 1)]


def test_nothing_to_learn_from() -> None:
    with pytest.raises(TrainingError, match="no word came 2 times"):
        Whitespace.learn(counted([["a b"]]), min_count=2)
    with pytest.raises(UsageError, match="no room for words"):
        learned(size=3)


@pytest.mark.parametrize("token", [-1, 9])
def test_an_id_out_of_range_is_an_error(token: int) -> None:
    with pytest.raises(UsageError, match=f"token {token} is not among the 9"):
        learned().text(token)


@given(rows=st.lists(st.lists(st.text(max_size=12))), more=st.lists(st.text(max_size=12)))
def test_through_json(rows: list[list[str]], more: list[str]) -> None:
    counts = counted([*rows, ["word"]])
    tokenizer = Whitespace.learn(counts)
    again = Whitespace.from_json(json.loads(json.dumps(tokenizer.to_json())))
    assert again.to_json() == tokenizer.to_json()
    assert again.ids(more) == tokenizer.ids(more)


@given(pieces=st.lists(st.text("ab ▁", max_size=8)), limit=st.integers(0, 12), held=st.sampled_from([0, 20_000, 1 << 20]))
def test_a_table_of_words_gives_the_ids_of_all_words_however_little_it_holds(pieces: list[str], limit: int, held: int) -> None:
    def encode(word: str) -> list[int]:
        return [ord(letter) for letter in "_" + word]

    whole = [one for piece in pieces for word in words_of(piece) for one in encode(word)]
    table = WordTable(encode, held)
    for _ in range(2):
        assert table.ids(pieces, limit) == (whole[:limit] if limit else whole)


def test_a_table_asks_once_for_a_word_and_reads_no_further_than_the_limit() -> None:
    asked: list[str] = []
    table = WordTable(lambda word: asked.append(word) or [7])  # type: ignore[func-returns-value]
    assert table.ids(iter(["a b", "b", "a", "c", "d"]), limit=5) == [7] * 5
    assert table.ids(["a b"]) == [7, 7]
    assert asked == ["a", "b", "c"]


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"kind": "whitespace", "format": 2, "words": []},
        {"kind": "whitespace", "format": 1, "words": [1]},
        {"kind": "whitespace", "format": 1, "words": ["a", "a"]},
        {"kind": "whitespace", "format": 1, "words": ["<mask>"]},
        {"kind": "bpe", "format": 1, "words": []},
        {"kind": "whitespace", "format": 1, "words": [], "more": 1},
    ],
)
def test_anything_else_is_refused(saved: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused, match="the vocabulary of words"):
        Whitespace.from_json(saved)
