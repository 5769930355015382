"""What LogBERT's judge holds against a window."""

from __future__ import annotations

import numpy as np

from logsentry.scoring.masked_keys import Answers, gather, unexpected
from logsentry.text.vocabulary import BEGIN, END


def answers(ranks: list[list[list[int]]]) -> Answers:
    shape = np.array(ranks)
    members, windows, length = shape.shape
    ids = np.tile([BEGIN, *range(5, length + 3), END], (windows, 1))
    distance, expected = np.zeros((members, windows)), np.tile([6, 7, 8], (windows, length, 1))
    return Answers(ids, shape, shape / 2, distance, expected, 3)


def test_gather_leaves_the_begin_key_out() -> None:
    surprise = np.array([[[99, 0, 4, 2]]])  # one member, one window, BEGIN and three keys
    assert gather(surprise, np.array([[0.5]])).tolist() == [[[6.0, 2.0, 0.5]]]


def test_answers_are_selected_and_joined_without_mixing_windows_or_members() -> None:
    both = answers([[[0, 1, 2], [0, 3, 4]], [[0, 5, 6], [0, 7, 8]]])
    second = both.of(np.array([False, True]))
    assert second.ranks.tolist() == [[[0, 3, 4]], [[0, 7, 8]]]
    joined = second.joined(answers([[[0, 9, 9]]]))
    assert joined.ranks[:, 0, 1].tolist() == [3, 7, 9]
    assert joined.evidence.shape == (3, 1, 3)


def test_the_strangest_positions_come_first_with_what_was_expected_instead() -> None:
    found = unexpected(np.array([BEGIN, 6, 5, END]), np.array([0, 4, 9, 1]), np.tile([6, 7, 8], (4, 1)), 3)
    assert [(f.position, f.rank, f.key, f.expected) for f in found] == [(2, 9, 5, (6, 7, 8)), (1, 4, 6, (7, 8))]
