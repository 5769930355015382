from __future__ import annotations

import json
from typing import Any

import pytest

from logsentry.errors import BundleRefused, UsageError
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, MASK, PAD, UNK, Vocabulary

COUNTS = {1: 4, 2: 9, 3: 1, 7: 4}
TEXTS = {1: "GET <*>", 2: "POST <*>", 3: "rare", 7: "PUT <*>", 8: "never counted"}


def test_special_ids() -> None:
    assert (PAD, UNK, MASK, BEGIN, END, FIRST_KEY) == (0, 1, 2, 3, 4, 5)


def test_keys_by_falling_count_then_by_cluster() -> None:
    vocabulary = Vocabulary.build(COUNTS, TEXTS, 2)
    assert [vocabulary.encode(cluster) for cluster in (2, 1, 7)] == [5, 6, 7]
    assert [vocabulary.text(key) for key in (5, 6, 7)] == ["POST <*>", "GET <*>", "PUT <*>"]
    assert len(vocabulary) == 8


def test_the_order_of_counting_does_not_matter() -> None:
    backwards = dict(reversed(COUNTS.items()))
    assert Vocabulary.build(backwards, TEXTS, 2).to_json() == Vocabulary.build(COUNTS, TEXTS, 2).to_json()


@pytest.mark.parametrize("cluster", [None, 3, 8, 99, 0, -1])
def test_none_rare_and_new_clusters_are_unknown(cluster: int | None) -> None:
    assert Vocabulary.build(COUNTS, TEXTS, 2).encode(cluster) == UNK


def test_every_id_has_a_readable_text() -> None:
    vocabulary = Vocabulary.build(COUNTS, TEXTS, 1)
    texts = [vocabulary.text(key) for key in range(len(vocabulary))]
    assert len(set(texts)) == len(texts) == 9
    assert vocabulary.text(END) == "<end of session>"


@pytest.mark.parametrize("key", [-1, 9])
def test_an_id_out_of_range_is_an_error(key: int) -> None:
    with pytest.raises(UsageError, match=f"key {key} is not among the 9"):
        Vocabulary.build(COUNTS, TEXTS, 1).text(key)


def test_an_empty_vocabulary_knows_the_special_ids() -> None:
    vocabulary = Vocabulary.build({}, {}, 1)
    assert (len(vocabulary), vocabulary.encode(1)) == (5, UNK)


def test_through_json() -> None:
    vocabulary = Vocabulary.build(COUNTS, TEXTS, 2)
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again.to_json() == vocabulary.to_json()
    assert [again.encode(cluster) for cluster in range(10)] == [vocabulary.encode(cluster) for cluster in range(10)]
    assert [again.text(key) for key in range(len(again))] == [vocabulary.text(key) for key in range(len(vocabulary))]


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"format": 2, "keys": []},
        {"format": 1, "keys": [[1, 2]]},
        {"format": 1, "keys": [[1, "a"], [1, "b"]]},
        {"format": 1, "keys": [], "more": 1},
    ],
)
def test_anything_else_is_refused(saved: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused, match="the vocabulary"):
        Vocabulary.from_json(saved)
