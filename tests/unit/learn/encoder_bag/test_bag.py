"""The bag of n-grams: what it counts, what it leaves out, and that the sparse and the dense way say the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from logsentry.errors import TrainingError
from logsentry.learn.encoder_bag import grams as bag_grams
from logsentry.learn.encoder_bag.bag import Bag, quiet, terse
from logsentry.learn.encoder_bag.fit import rated
from logsentry.learn.encoder_bag.grams import Limits
from logsentry.learn.encoder_bag.weights import add, convex, said
from logsentry.text.vocabulary import PAD

BARE = np.arange(30) >= 20
ROWS = st.lists(st.integers(1, 29), min_size=1, max_size=24)


def fitted(rows: list[list[int]], **limits: int) -> Bag:
    torch.manual_seed(1)
    grams = bag_grams.learn(rows, BARE, Limits(**{"full": 2, "quiet": 3, "least": 1, "buckets": 4096, **limits}))
    bag = Bag(grams, torch.from_numpy(BARE), 4, 1, 0.0).eval()
    torch.nn.init.normal_(bag.wide)
    return bag


def padded(rows: list[list[int]]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROWS, min_size=2, max_size=6))
@torch.no_grad()
def test_rows_alone_in_a_batch_and_held_sparse_have_one_logit(rows: list[list[int]]) -> None:
    bag = fitted(rows)
    together = bag(padded(rows))
    alone = torch.cat([bag(torch.tensor([row])) for row in rows])
    grams = bag_grams.Grams(bag.owner.numpy(), bag.code.numpy(), bag.rarity.numpy(), bag.full, bag.quiet)
    assert torch.allclose(alone, together, atol=1e-5)
    assert torch.allclose(rated(bag, bag_grams.held(rows, BARE, grams)), together, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(row=ROWS, hidden=st.sets(st.integers(0, 23)))
def test_readings_keep_the_order_and_leave_out_what_they_say(row: list[int], hidden: set[int]) -> None:
    ids = torch.tensor([[PAD if place in hidden else token for place, token in enumerate(row)]])
    left = [token for token in ids[0].tolist() if token != PAD and token < 20]
    once = [token for place, token in enumerate(left) if not place or left[place - 1] != token]
    bare = torch.from_numpy(BARE)
    assert quiet(ids, bare)[0].tolist() == left + [PAD] * (len(row) - len(left))
    assert terse(ids, bare)[0].tolist() == once + [PAD] * (len(row) - len(once))


def test_a_gram_counts_once_and_an_unknown_one_is_nobody() -> None:
    bag = fitted([[3, 4], [5, 6, 5, 6]])
    held = bag.held(torch.tensor([[3, 4, 0, 0, 0], [3, 4, 0, 3, 4], [3, 4, 9, 0, 0], [9, 9, 9, 9, 9]]))
    assert torch.equal(held[0], held[1])  # runs that nobody knows, such as 4 3 in the quiet reading, change nothing
    assert torch.equal(held[0] > 0, held[2] > 0)
    assert held[3].abs().sum() == 0
    assert held[0].norm() == pytest.approx(1)


def test_bare_values_are_seen_in_the_full_reading_only() -> None:
    bag = fitted([[3, 25, 4], [3, 26, 4]])
    one, other, gone = bag.held(torch.tensor([[3, 25, 4], [3, 26, 4], [3, 4, 0]]))
    assert not torch.equal(one > 0, other > 0)
    assert ((one > 0) & (other > 0) & (gone > 0)).sum() >= 5  # 3 and 4 in both readings, and 3 4 in the quiet one


def test_the_commonest_of_a_bucket_is_kept_and_rare_ones_are_not() -> None:
    rows = [[token] for token in range(3, 20) for _ in range(token)]
    grams = bag_grams.learn(rows, BARE, Limits(full=1, quiet=0, least=1, buckets=4))
    assert len(grams.rarity) - 1 == 4
    assert (grams.rarity[1:] > 0).all()
    codes = [int(bag_grams.codes([token], BARE, 1, 0)[0]) for token in range(3, 20)]
    for bucket in range(4):
        assert grams.code[bucket] == max((code for code in codes if code % 4 == bucket), key=codes.index)
    with pytest.raises(TrainingError, match="no run of tokens is in 99"):
        bag_grams.learn(rows, BARE, Limits(least=99))


def test_the_weights_of_logistic_regression_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(2)
    rows = [draw.integers(3, 20, 8).tolist() for _ in range(60)]
    labels, counts = np.array([int(5 in row) for row in rows]), draw.integers(1, 5, 60)
    bag = fitted(rows)
    grams = bag_grams.Grams(bag.owner.numpy(), bag.code.numpy(), bag.rarity.numpy(), bag.full, bag.quiet)
    held = bag_grams.held(rows, BARE, grams)
    target = torch.nn.functional.one_hot(torch.from_numpy(labels), 2).float()
    weights, constants = convex(held, target, torch.from_numpy(counts).float(), len(grams.rarity), 2.0)
    peer = LogisticRegression(C=2.0, tol=1e-8, max_iter=2000)
    peer.fit(bag.held(padded(rows)).numpy(), labels, sample_weight=counts)
    ours = said(held, weights, constants)[:, 0].numpy()
    assert np.abs(ours - peer.decision_function(bag.held(padded(rows)).numpy())).max() < 0.02
    before = rated(bag, held).detach()
    add(bag, weights, constants, 0.5, held)
    with torch.no_grad():
        more = rated(bag, held) - before
    assert more.std() == pytest.approx(float(0.5 * before.std()), rel=1e-3)
