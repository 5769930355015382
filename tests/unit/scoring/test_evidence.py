"""Evidence of keys never seen, and the scale that makes kinds of evidence comparable."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from logsentry.scoring.evidence import Rarity, Scale, choose_top_g, further_than, unseen_last
from logsentry.text.vocabulary import UNK


def test_an_unseen_key_stands_behind_all_known_ones() -> None:
    ids = np.array([[3, 7, UNK, 4]])
    ranks = np.array([[[0, 2, 0, 1]], [[0, 3, 5, 0]]])
    assert unseen_last(ids, ranks, keys=25).tolist() == [[[0, 2, 20, 1]], [[0, 3, 20, 0]]]


def test_top_g_holds_the_wanted_share_of_known_keys() -> None:
    ids = np.full((1, 101), 9)
    ranks = np.concatenate([np.zeros((1, 1, 1)), np.arange(100).reshape(1, 1, 100)], axis=2)
    assert choose_top_g([ids], [ranks], 0.95) == 95
    assert choose_top_g([np.full((3, 4), 9)], [np.zeros((2, 3, 4))]) == 1
    ids[0, 51:] = UNK
    assert choose_top_g([ids], [ranks], 1.0) == 50


def test_the_scale_is_in_decades_and_goes_on_beyond_the_strangest() -> None:
    normal = np.linspace(0, 0.9, 99)[None, :, None].repeat(3, axis=2)
    rarity = Rarity(Scale.fit(normal, [0.1] * 3))
    common, rarest, beyond = rarity.rated(np.array([[[0.0] * 3, [0.9] * 3, [9.9] * 3]])).scores[0]
    assert common == 0.0
    assert abs(rarest + np.log10(2 / 100)) < 1e-9
    assert abs(beyond - (rarest + 1.0)) < 1e-9  # ten times as much, counted from the least amount that means anything


def test_between_two_normal_windows_the_scale_runs_on() -> None:
    rarity = Rarity(Scale.fit(np.array([[[0.0], [9.0], [999.0]]]), [1.0]))
    low, middle, high = rarity.rated(np.array([[[9.0], [99.0], [999.0]]])).kinds[0, :, 0]
    assert abs(middle - (low + high) / 2) < 1e-9


def test_the_strangest_kind_speaks_for_the_member() -> None:
    rarity = Rarity(Scale.fit(np.linspace(0, 1, 50)[None, :, None].repeat(2, axis=2), [0.1, 0.1]))
    rated = rarity.rated(np.array([[[0.2, 0.9]]]))
    assert rated.scores[0, 0] == rated.kinds[0, 0, 1] > rated.kinds[0, 0, 0]


@given(arrays(np.float64, (2, 20, 3), elements=st.floats(0, 10)), st.floats(0, 20), st.floats(0, 20))
def test_more_evidence_never_scores_less(normal: np.ndarray, one: float, two: float) -> None:
    rarity = Rarity(Scale.fit(normal, [0.5, 0.05, 1e-5]))
    low, high = sorted([one, two])
    scores = rarity.rated(np.array([[[low] * 3, [high] * 3]] * 2)).scores
    assert (scores[:, 0] <= scores[:, 1] + 1e-12).all()


def test_beyond_what_was_held_back_no_number_is_given() -> None:
    assert further_than(2.0, 500) == "all but one in 100"
    assert further_than(2.8, 500) == "any that was held back"
