"""Masks hide every position once, and what is said of them comes back to its place."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from logsentry.learn.logbert.masking import at_random, complementary, in_place
from logsentry.text.vocabulary import BEGIN, FIRST_KEY, MASK, PAD


def windows(batch: int, length: int) -> torch.Tensor:
    ids = torch.arange(batch * length).reshape(batch, length) + FIRST_KEY
    ids[:, 0] = BEGIN
    return ids


def test_stride_two_hides_even_positions_then_odd() -> None:
    ids = torch.tensor([[BEGIN, 11, 12, 13]])
    masked, asked, truth = complementary(ids, 2)
    assert masked.tolist() == [[BEGIN, 11, MASK, 13], [BEGIN, MASK, 12, MASK]]
    assert asked.tolist() == [[0, 0, 2], [0, 1, 3]]
    assert truth.tolist() == [[BEGIN, BEGIN, 12], [BEGIN, 11, 13]]


@given(st.integers(1, 4), st.integers(2, 17), st.integers(1, 30))
def test_every_position_but_begin_is_hidden_in_exactly_one_copy(batch: int, length: int, stride: int) -> None:
    ids = windows(batch, length)
    masked, _, _ = complementary(ids, stride)
    copies = masked.reshape(min(stride, length), batch, length)
    hidden = (copies == MASK).sum(0)
    assert (hidden[:, 1:] == 1).all()
    assert (hidden[:, 0] == 0).all()
    assert torch.where(copies == MASK, ids, copies).equal(ids.expand_as(copies))  # nothing else is changed


@given(st.integers(1, 4), st.integers(2, 17), st.integers(1, 30))
def test_answers_come_back_to_the_position_they_were_asked_at(batch: int, length: int, stride: int) -> None:
    ids = windows(batch, length)
    masked, asked, truth = complementary(ids, stride)
    assert in_place(truth, batch, length)[:, 1:].equal(ids[:, 1:])
    hidden = masked.gather(1, asked) == MASK
    assert in_place(hidden, batch, length)[:, 1:].all()


def test_random_masks_spare_begin_and_padding() -> None:
    ids = torch.full((50, 40), FIRST_KEY)
    ids[:, 0], ids[:, 30:] = BEGIN, PAD
    hidden = at_random(ids, 0.5, torch.Generator().manual_seed(0))
    assert not hidden[:, 0].any()
    assert not hidden[:, 30:].any()
    assert hidden[:, 1:30].float().mean().item() == pytest.approx(0.5, abs=0.05)
