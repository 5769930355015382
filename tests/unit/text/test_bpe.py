from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections import Counter
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from logsentry.errors import BundleRefused, TrainingError, UsageError
from logsentry.text.bpe import Bpe
from logsentry.text.vocabulary import MASK, UNK

COUNTS = Counter(
    {
        "kernel32": 90, "getprocaddress": 60, "loadlibrarya": 40, "getlasterror": 30, "0x4": 80, "0x1210000": 20, "0x7fff0000": 9,
        "open": 12, "key": 12, "software": 5, "microsoft": 5, r"c:\windows": 3, "été": 2, "<num>": 2,
    }
)  # fmt: skip
SIZE = 120
BPE = Bpe.learn(COUNTS, SIZE)
OWN = SentencePieceProcessor(model_proto=BPE.model)
WORDS = st.sampled_from([*COUNTS, "kernel33", "newword", "<mask>", "ünknown", "漢字", "a\tb", "\0"]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="▁"), max_size=10
)


def test_special_ids_come_first_and_no_text_makes_pad_or_mask() -> None:
    assert [BPE.text(token) for token in range(3)] == ["<pad>", "<unk>", "<mask>"]
    assert {0, MASK}.isdisjoint(BPE.ids(["<pad> <mask> a<mask>b <unk>"]))


@settings(max_examples=400)
@given(pieces=st.lists(st.lists(WORDS, max_size=4).map(" ".join)), limit=st.integers(0, 30))
def test_ids_are_those_of_sentencepiece(pieces: list[str], limit: int) -> None:
    whole = OWN.encode(" ".join(pieces))
    assert BPE.ids(pieces, limit) == (whole[:limit] if limit else whole)


@given(pieces=st.lists(st.text(st.sampled_from("ae▁ \ud800k3"), max_size=8)))
def test_what_sentencepiece_cannot_read_as_it_stands_is_a_blank_or_a_question_mark(pieces: list[str]) -> None:
    readable = " ".join(pieces).replace("▁", " ").replace("\ud800", "?")
    assert BPE.ids(pieces) == OWN.encode(readable)


def test_learning_from_counts_is_learning_from_the_text() -> None:
    """The merges of sentencepiece on all words one after another; what comes after them are single characters."""
    model = io.BytesIO()
    lines = (word for word, times in sorted(COUNTS.items(), key=lambda item: (-item[1], item[0])) for _ in range(times))
    SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=model, vocab_size=SIZE, model_type="bpe", normalization_rule_name="identity",
        character_coverage=1.0, split_by_number=False, max_sentencepiece_length=64, num_threads=1, minloglevel=2,
        pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["<mask>"],
    )  # fmt: skip
    plain = SentencePieceProcessor(model_proto=model.getvalue())
    assert [plain.id_to_piece(token) for token in range(SIZE)] == [BPE.text(token) for token in range(SIZE)]


def test_training_is_the_same_in_every_process() -> None:
    """Hashes and addresses differ from process to process; the model must not."""
    code = (
        "from collections import Counter; from hashlib import blake2b; from logsentry.text.bpe import Bpe\n"
        f"print(blake2b(Bpe.learn(Counter({dict(reversed(COUNTS.items()))!r}), {SIZE}).model).hexdigest())"
    )
    found = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert found == {blake2b(BPE.model).hexdigest() + "\n"}


def test_fewer_pieces_where_the_words_support_no_more() -> None:
    few = Bpe.learn(Counter({"ab": 2, "abc": 1}), 50_000)
    assert len(few) < 20
    assert [few.text(token) for token in few.ids(["abc ab"])] == ["▁abc", "▁ab"]


def test_a_size_below_the_number_of_characters_is_an_error() -> None:
    with pytest.raises(TrainingError, match=r"the text needs \d+ pieces for its characters alone, and 10 were asked for"):
        Bpe.learn(COUNTS, 10)
    letters = len(set("".join(COUNTS))) + 4
    assert len(Bpe.learn(COUNTS, letters)) == letters


@pytest.mark.parametrize("counts", [Counter(), Counter({"\n": 3})])
def test_no_words(counts: Counter[str]) -> None:
    with pytest.raises(TrainingError, match="no words"):
        Bpe.learn(counts)


def test_hostile_text_has_ids_too() -> None:
    assert BPE.ids(["漢字漢字"])[-1] == UNK
    assert len(BPE.ids(["x" * 300_000], limit=5)) == 5
    assert BPE.ids(["", " ", "▁"]) == []


@pytest.mark.parametrize("token", [-1, SIZE])
def test_an_id_out_of_range_is_an_error(token: int) -> None:
    with pytest.raises(UsageError, match=f"token {token} is not among the {SIZE}"):
        BPE.text(token)


def test_through_json() -> None:
    again = Bpe.from_json(json.loads(json.dumps(BPE.to_json())))
    assert (again.model, again.to_json()) == (BPE.model, BPE.to_json())


def model(**options: Any) -> str:
    """The model of other options than ours, in base64."""
    made = io.BytesIO()
    words = iter(["hello world", "hello wood", "hold wool"] * 5)
    chosen = {"model_type": "bpe", "pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "minloglevel": 2, "num_threads": 1}
    SentencePieceTrainer.train(
        sentence_iterator=words, model_writer=made, vocab_size=30, hard_vocab_limit=False, **{**chosen, **options}
    )
    return base64.b64encode(made.getvalue()).decode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, "format 2"),
        ({"model": "%"}, "not what this version writes"),
        ({"model": ""}, "has no pieces"),
        ({"model": "AAAA"}, "no sentencepiece model"),
        ({"model": 1}, "not what this version writes"),
        ({"kind": "whitespace"}, "not what this version writes"),
        ({"more": 1}, "not what this version writes"),
        ({"model": model()}, "do not begin with <pad>, <unk>, <mask>"),
        ({"model": model(user_defined_symbols=["<mask>"])}, "which no text may give"),
        ({"model": model(control_symbols=["<mask>"], split_by_whitespace=False)}, "reach over blanks"),
        ({"model": model(control_symbols=["<mask>"], remove_extra_whitespaces=False)}, "reach over blanks"),
    ],
)
def test_anything_else_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(BundleRefused, match=why):
        Bpe.from_json({**BPE.to_json(), **change})
