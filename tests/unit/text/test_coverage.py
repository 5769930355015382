from __future__ import annotations

import lzma
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.pipeline.build import make_source
from logsentry.text.bpe import Bpe
from logsentry.text.coverage import Rank, coverage, lengths, ranks, unknown_share, vocabulary_sentence
from logsentry.text.vocabulary import UNK
from logsentry.text.whitespace import Whitespace
from logsentry.text.word_table import counted, words_of

TAUGHT = [["open key"] * 8, ["kernel32 open"]]
ASKED = [["open key", "open new"], ["key"]]


def test_of_whole_words() -> None:
    found = coverage(Whitespace.learn(counted(TAUGHT)), ASKED, limit=3)
    assert (found.words, found.distinct) == (5, 3)
    assert (found.known, found.known_distinct) == (0.8, pytest.approx(2 / 3))
    assert (found.whole, found.unknown_ids, found.ids_per_word) == (0.8, pytest.approx(0.2), 1.0)
    assert (found.lengths.rows, found.lengths.mean, found.lengths.longest, found.lengths.over_limit) == (2, 2.5, 4, 0.5)


def test_of_pieces_of_words() -> None:
    """`new` is the letters n, e and w: known, but not one id."""
    tokenizer = Bpe.learn(counted([*TAUGHT, ["n e w"]]))
    found = coverage(tokenizer, ASKED)
    assert (found.known, found.known_distinct, found.unknown_ids) == (1.0, 1.0, 0.0)
    assert (found.whole, found.whole_distinct) == (0.8, pytest.approx(2 / 3))
    assert found.ids_per_word == (4 + len(tokenizer.ids(["new"]))) / 5


@given(rows=st.lists(st.lists(st.text("oknew ", max_size=9)), min_size=1), limit=st.integers(1, 9))
def test_shares_are_those_of_counting_all_ids(rows: list[list[str]], limit: int) -> None:
    tokenizer = Whitespace.learn(counted([*TAUGHT, ["o k"]]))
    rows = [*rows, ["o"]]
    ids = [tokenizer.ids(row) for row in rows]
    found = coverage(tokenizer, rows, limit)
    assert found.words == sum(len(words_of(piece)) for row in rows for piece in row) == sum(map(len, ids))
    assert found.unknown_ids == pytest.approx(unknown_share(ids)) == pytest.approx(1 - found.known)
    assert found.lengths == lengths([len(row) for row in ids], limit)


def test_sentences_tell_the_figures() -> None:
    told = "\n".join(coverage(Whitespace.learn(counted(TAUGHT)), ASKED, limit=3).sentences())
    assert "2 rows of 5 words, 3 distinct" in told
    assert "known: 80.000% of words, 66.67% of distinct words; unknown ids: 20.000%" in told
    assert "longest 4; 50.0% have more than 3" in told


def test_a_vocabulary_smaller_than_was_asked_for_is_told() -> None:
    assert vocabulary_sentence(50_000, 50_000) == "50,000 ids"
    assert vocabulary_sentence(4_992, 50_000) == "4,992 ids; 50,000 were asked for, and the text supports no more"


def test_nothing_to_tell_of() -> None:
    with pytest.raises(UsageError, match="hold no words"):
        coverage(Whitespace.learn(counted(TAUGHT)), [[" "]])
    with pytest.raises(UsageError, match="no rows"):
        lengths([])
    assert unknown_share([]) == 0.0
    assert unknown_share([[UNK, 3], [], [4, 5]]) == 0.25


def test_ranks_of_words_and_of_ids() -> None:
    assert ranks({"b": 2, "a": 2, "c": 9}) == [Rank(1, 9, "c"), Rank(2, 2, "a"), Rank(3, 2, "b")]
    assert ranks({7: 1, 5: 4}) == [Rank(1, 4, 5), Rank(2, 1, 7)]
    assert ranks({}) == []


@given(counts=st.dictionaries(st.integers(), st.integers(1, 1000), min_size=1), points=st.integers(2, 30))
def test_ranks_fall_and_hold_the_first_and_the_last(counts: dict[int, int], points: int) -> None:
    found = ranks(counts, points)
    times = sorted(counts.values(), reverse=True)
    assert [one.times for one in found] == [times[one.rank - 1] for one in found]
    assert (found[0].rank, found[-1].rank) == (1, len(counts))
    assert len(found) <= points
    assert len({one.rank for one in found}) == len(found)


@pytest.mark.data
def test_of_staged_reports_that_taught_nothing(data: Path) -> None:
    """A hundred reports teach what another hundred say: nearly all words, and with pieces every one."""
    text = make_source("speakeasy").text  # type: ignore[attr-defined]
    with lzma.open(data / "speakeasy" / "raw" / "gamma_reports_dev.jsonl.xz") as rows:
        reports = [msgspec.json.encode(msgspec.json.decode(row)["report"]) for _, row in zip(range(200), rows, strict=False)]
    read = [list(text.pieces(report)) for report in reports]
    counts = counted(read[::2])
    words, pieces = (coverage(tokenizer, read[1::2]) for tokenizer in (Whitespace.learn(counts), Bpe.learn(counts)))
    assert words.words == pieces.words == sum(len(text.tokens(report).split()) for report in reports[1::2])
    assert 0.95 < words.known < 1
    assert words.known_distinct < words.known < pieces.known
    assert words.ids_per_word == 1 < pieces.ids_per_word < 1.2
    curve = [rank.times for rank in ranks(counts)]
    assert curve == sorted(curve, reverse=True)
