"""The model: members are independent, padding is not seen, and a window's answer does not depend on its batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from logsentry.learn.logbert.masking import complementary
from logsentry.learn.logbert.model import LogBert, Size, sinusoids
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, PAD

SIZE = Size(keys=21, width=16, layers=2, heads=4, feed_forward=32, max_length=40)


@pytest.fixture(scope="module")
def model() -> LogBert:
    torch.manual_seed(0)
    model = LogBert(3, SIZE).eval()
    model.centre.normal_()
    return model


def some(batch: int, length: int, seed: int = 0) -> torch.Tensor:
    ids = torch.randint(FIRST_KEY, SIZE.keys, (batch, length), generator=torch.Generator().manual_seed(seed))
    ids[:, 0], ids[:, -1] = BEGIN, END
    return ids


@torch.no_grad()
def test_shapes(model: LogBert) -> None:
    answer = model(*complementary(some(4, 9), 2))
    assert answer.ranks.shape == (3, 8, 6)
    assert answer.distance.shape == (3, 8)
    assert answer.probability.shape == (3, 8, 6, SIZE.keys)
    assert answer.probability.sum(-1).allclose(torch.ones(3, 8, 6))


@torch.no_grad()
def test_a_member_alone_answers_as_in_the_ensemble(model: LogBert) -> None:
    asked = complementary(some(4, 9), 3)
    together = model(*asked)
    for number in range(3):
        alone = model.member(number)(*asked)
        assert alone.ranks[0].equal(together.ranks[number])
        torch.testing.assert_close(alone.distance[0], together.distance[number], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(alone.probability[0], together.probability[number], atol=1e-6, rtol=1e-5)


def test_a_members_gradient_is_its_own(model: LogBert) -> None:
    representations = model.encode(some(4, 9)[None])
    model.zero_grad()
    representations[1].square().sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert gradients
    for name, gradient in gradients.items():
        assert gradient[1].abs().sum() > 0 or name.endswith("bias"), name
        assert gradient[0].abs().sum() == 0, name
        assert gradient[2].abs().sum() == 0, name
    model.zero_grad()


@given(st.integers(2, 20), st.integers(1, 15))
def test_padding_does_not_leak(model: LogBert, length: int, padding: int) -> None:
    ids = some(3, length)
    padded = torch.cat([ids, torch.full((3, padding), PAD)], 1)
    with torch.no_grad():
        alone, beside = model.encode(ids[None]), model.encode(padded[None], padded=True)
    torch.testing.assert_close(beside[:, :, :length], alone, atol=1e-5, rtol=1e-5)


@given(st.integers(2, 20), st.integers(1, 25))
def test_a_batch_answers_as_each_window_alone(model: LogBert, length: int, stride: int) -> None:
    ids = some(3, length)
    with torch.no_grad():
        together = model(*complementary(ids, stride))
        for number in range(3):
            alone = model(*complementary(ids[number : number + 1], stride))
            torch.testing.assert_close(alone.distance, together.distance[:, number::3], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(alone.probability, together.probability[:, number::3], atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_asking_few_positions_answers_as_asking_all(model: LogBert) -> None:
    ids = some(2, 9)
    asked = torch.tensor([[0, 3], [0, 8]])
    everywhere, there = model.encode(ids[None]), model.encode(ids[None], asked)
    torch.testing.assert_close(there[:, 0], everywhere[:, 0][:, [0, 3]], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(there[:, 1], everywhere[:, 1][:, [0, 8]], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_rank_counts_the_strictly_likelier_keys(model: LogBert) -> None:
    asked = complementary(some(2, 5), 5)
    answer = model(*asked)
    row, place = 3, 1
    chances = answer.probability[0, row, place]
    assert answer.ranks[0, row, place] == (chances > chances[asked.truth[row, place]]).sum()


def test_positions_differ() -> None:
    table = sinusoids(40, 16)
    assert torch.cdist(table, table).add(torch.eye(40)).min() > 0.1
    assert table[0].tolist() == [0.0, 1.0] * 8
