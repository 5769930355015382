"""Evidence from ranks and distances, and the scale that makes its kinds comparable."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from logsentry.scoring.evidence import EVIDENCE, Rarity, Scale, choose_top_g, gather, unseen_last
from logsentry.text.vocabulary import UNK


def test_gather_leaves_the_begin_key_out() -> None:
    ranks = np.array([[[99, 0, 4, 2]]])  # one member, one window, BEGIN and three keys
    assert gather(ranks, np.array([[0.5]]), top_g=2).tolist() == [[[2 / 3, 4.0, 0.5]]]


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
    normal = np.linspace(0, 1, 99)[None, :, None].repeat(3, axis=2)
    rarity = Rarity(Scale.fit(normal))
    common, rarest, beyond = rarity.member_scores(np.array([[[0.0] * 3, [1.0] * 3, [3.0] * 3]]), [0])[0]
    assert common == 0.0
    assert abs(rarest + np.log10(2 / 100)) < 1e-9
    assert abs(beyond - (2.0 + 2.0)) < 1e-9


@given(arrays(np.float64, (2, 20, len(EVIDENCE)), elements=st.floats(0, 10)), st.floats(0, 20), st.floats(0, 20))
def test_more_evidence_never_scores_less(normal: np.ndarray, one: float, two: float) -> None:
    rarity = Rarity(Scale.fit(normal))
    low, high = sorted([one, two])
    scores = rarity.member_scores(np.array([[[low] * 3, [high] * 3]] * 2), [0, 1])
    assert (scores[:, 0] <= scores[:, 1]).all()
