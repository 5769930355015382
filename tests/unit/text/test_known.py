"""What was seen: learned, written, read back, and refused where it is damaged."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.errors import BundleRefused, UsageError
from logsentry.text.known import Known
from logsentry.text.vocabulary import BEGIN, END, UNK

KEYS = 9
window = st.lists(st.sampled_from([UNK, 5, 6, 7]), max_size=6).map(lambda keys: (BEGIN, *keys, END))


def test_it_remembers_keys_lengths_vectors_and_runs() -> None:
    known = Known.learn([(BEGIN, 5, 6, END), (BEGIN, 6, 5, END), (BEGIN, 7, END)], KEYS)
    assert (known.seen, known.containing, known.lengths) == ((5, 6, 7), (2, 2, 1), (1, 2))
    assert known.vectors == (((5, 1), (6, 1)), ((7, 1),))
    assert dict(zip(known.ngrams, known.times, strict=True))[(BEGIN, 5)] == 1
    assert known.worth()[[5, 7, 8]].tolist() == [4 / 7, 4 / 6, 4 / 5]


@settings(max_examples=30)
@given(st.lists(window, min_size=1, max_size=6), st.integers(1, 3))
def test_it_comes_back_as_it_was_in_the_same_bytes(windows: list[tuple[int, ...]], n: int) -> None:
    known = Known.learn(windows, KEYS, n)
    data = known.to_bytes()
    assert Known.from_bytes(data, "known.json") == known
    assert Known.learn(windows[::-1], KEYS, n).to_bytes() == data


def test_only_the_commonest_vectors_are_kept() -> None:
    known = Known.learn([(BEGIN, 5, END), (BEGIN, 6, END), (BEGIN, 6, END)], KEYS, most_vectors=1)
    assert known.vectors == (((6, 1),),)
    assert known.seen == (5, 6)


def test_runs_too_many_to_number_are_refused() -> None:
    with pytest.raises(UsageError, match="make n smaller"):
        Known.learn([(BEGIN, 5, END)], 2**22, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format 2"),
        ({"keys": 6}, "contradicts itself"),
        ({"vectors": []}, "contradicts itself"),
        ({"times": [1]}, "contradicts itself"),
        ({"ngrams": [[3, 5], [3, 5], [6, 4]]}, "contradicts itself"),
        ({"lengths": "x"}, "cannot be read"),
    ],
)
def test_another_format_and_damage_are_refused(change: dict[str, object], said: str) -> None:
    saved = msgspec.to_builtins(Known.learn([(BEGIN, 5, 6, END)], KEYS))
    with pytest.raises(BundleRefused, match=said):
        Known.from_bytes(msgspec.json.encode(saved | change), "known.json")


@settings(max_examples=30)
@given(st.binary(max_size=40))
def test_any_other_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(BundleRefused, match=r"known\.json"):
        Known.from_bytes(data, "known.json")
