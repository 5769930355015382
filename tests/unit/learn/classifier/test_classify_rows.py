"""Distinct rows, soft labels, weights, splits, batches, hidden tokens; losses and the ROC curve."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from logsentry.errors import TrainingError
from logsentry.learn.classifier.losses import cross_entropy, hardest_pairs, loss, suspicion
from logsentry.learn.classifier.rows import Labelled, Table, distinct, endless, hidden, split, taught
from logsentry.learn.classifier.settings import Training
from logsentry.learn.roc import auc, curve, tpr_at
from logsentry.text.vocabulary import PAD

PLAIN = Training(evenness=0)
MIXED = Labelled([[5, 6], [5, 6], [5, 6], [7], [8, 9, 9]], [0, 1, 1, 0, 1], [1.0, 1.0, 2.0, 4.0, 4.0])


def weighed(**settings: Any) -> tuple[Table, list[float], list[list[float]]]:
    table, weight, target = taught(distinct(MIXED, 10, 512), msgspec.structs.replace(PLAIN, **settings))
    return table, weight.tolist(), target.tolist()


def test_equal_rows_are_one_with_a_share_of_each_label() -> None:
    table, weight, target = weighed()
    assert table.ids.tolist() == [[5, 6, PAD], [7, PAD, PAD], [8, 9, 9]]
    assert table.lengths.tolist() == [2, 1, 3]
    assert weight == [1, 1, 1]
    assert target == [[0.25, 0.75], [1, 0], [0, 1]]


def test_contradictions_and_smoothing() -> None:
    assert weighed(contradictions="majority")[2][0] == [0, 1]
    assert len(weighed(contradictions="drop")[1]) == 2
    assert weighed(smoothing=1.0)[2] == [[0.5, 0.5], [1, 0], [0, 1]]


def test_evenness_and_balance() -> None:
    labelled = Labelled([[5], [6], [7]], [0, 0, 1], [16.0, 4.0, 1.0])
    table = distinct(labelled, 10, 512)
    for evenness, expected in ((0.0, [16, 4, 1]), (0.5, [4, 2, 1]), (1.0, [1, 1, 1])):
        weight = taught(table, msgspec.structs.replace(PLAIN, evenness=evenness))[1]
        assert (weight / weight[-1]).tolist() == pytest.approx(expected)
        assert float(weight.mean()) == pytest.approx(1)
    balanced = taught(table, msgspec.structs.replace(PLAIN, balance=True))[1]
    assert float(balanced[:2].sum()) == pytest.approx(float(balanced[2]))


def test_rows_that_are_cut_alike_are_one() -> None:
    table = distinct(Labelled([[5, 6, 7], [5, 6, 8]], [0, 1], [1.0, 1.0]), 10, 2)
    assert table.ids.tolist() == [[5, 6]]
    assert table.mass.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("labelled", "told"),
    [
        (([[5]], [0, 1], [1.0]), "2 labels"),
        (([], [], []), "no rows"),
        (([[]], [0], [1.0]), "no token"),
        (([[0]], [0], [1.0]), "outside 1 to 9"),
        (([[10]], [0], [1.0]), "outside 1 to 9"),
        (([[5]], [-1], [1.0]), "negative"),
    ],
)
def test_rows_that_cannot_be_learnt_from_are_refused(labelled: tuple[Any, Any, Any], told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        distinct(Labelled(*labelled), 10, 512)


@settings(max_examples=20, deadline=None)
@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=60), share=st.floats(0.05, 0.9), seed=st.integers(0, 5))
def test_a_split_parts_rows_and_leaves_every_label_to_learn_from(labels: list[int], share: float, seed: int) -> None:
    table = distinct(Labelled([[5 + place] for place in range(len(labels))], labels, [1.0] * len(labels)), 99, 4)
    learnt, back = split(table, share, seed)
    assert sorted([*learnt, *back]) == list(range(len(labels)))
    label = table.mass.argmax(1).numpy()
    assert set(label[learnt]) == set(labels)
    assert set(label[back]) == {value for value in labels if labels.count(value) > 1}


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 40), batch=st.integers(1, 9), begin=st.integers(0, 30))
def test_batches_go_on_where_they_were(rows: int, batch: int, begin: int) -> None:
    lengths = torch.arange(rows) % 7 + 1
    a_pass = -(-rows // batch)
    drawn = [part.tolist() for part in islice(endless(lengths, batch, 3), begin + 2 * a_pass)]
    again = [part.tolist() for part in islice(endless(lengths, batch, 3, begin), 2 * a_pass)]
    assert drawn[begin:] == again
    assert sorted(row for part in drawn[:a_pass] for row in part) == list(range(rows))


def test_hidden_tokens_keep_the_others_in_their_places() -> None:
    torch.manual_seed(2)
    ids = torch.randint(3, 20, (400, 40))
    lengths = torch.full((400,), 40)
    some = hidden(ids, lengths, Training(token_dropout=0.2))
    assert torch.equal(some[some != PAD], ids[some != PAD])
    assert float((some == PAD).float().mean()) == pytest.approx(0.2, abs=0.02)
    gaps = (hidden(ids, lengths, Training(span_dropout=0.5, span=0.5)) == PAD).int()
    assert int(gaps.sum(1).max()) <= 20
    assert 0.4 < float((gaps.sum(1) > 0).float().mean()) < 0.55
    assert (gaps.diff(dim=1, prepend=torch.zeros(400, 1), append=torch.zeros(400, 1)).abs().sum(1) <= 2).all()  # one run each
    assert torch.equal(hidden(ids, lengths, Training()), ids)


def test_cross_entropy_of_one_logit_is_that_of_two() -> None:
    logits, target = torch.tensor([[0.3], [-2.0]]), torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    two = torch.cat([torch.zeros(2, 1), logits], 1)
    assert torch.allclose(cross_entropy(logits, target), cross_entropy(two, target))
    assert torch.allclose(suspicion(logits), suspicion(two), atol=1e-6)


def test_the_hinge_takes_the_hardest_negatives() -> None:
    target = torch.tensor([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 2)
    said = torch.tensor([3.0, -5.0, -5.0, -5.0, 3.5, 9.0])
    config = Training(hardest=0.25, margin=1.0, low_fpr=2.0)
    assert float(hardest_pairs(said, target, torch.ones(6), config)) == pytest.approx(0.25)  # (0.5 + 0) / 2
    without = loss(said[:, None], target, torch.ones(6), Training())
    assert float(loss(said[:, None], target, torch.ones(6), config) - without) == pytest.approx(0.5, abs=1e-6)
    assert float(hardest_pairs(said[:4], target[:4], torch.ones(4), config)) == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(1, 4)), min_size=2, max_size=40))
def test_the_curve_is_that_of_scikit_learn(rows: list[tuple[int, bool, int]]) -> None:
    scores, labels, weights = (np.array(part) for part in zip(*rows, strict=True))
    if labels.all() or not labels.any():
        assert np.isnan(tpr_at(0.1, scores, labels, weights))
        return
    assert auc(scores, labels, weights) == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))
    alarms, hits, _ = roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)
    assert np.allclose(curve(scores, labels, weights), (alarms, hits))
    for fpr in (0.0, 0.1, 0.5, 1.0):
        assert tpr_at(fpr, scores, labels, weights) == pytest.approx(hits[alarms <= fpr + 1e-12].max())
