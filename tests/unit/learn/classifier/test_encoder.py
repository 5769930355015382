"""The encoder: padding, batches and chunks change nothing that they should not, and every shape has the size that it says."""

from __future__ import annotations

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.learn.classifier.encoder import Dropout, Encoder, Size, sinusoids
from logsentry.text.vocabulary import PAD

SMALL = Size(vocabulary=30, width=16, layers=2, heads=4, feed_forward=32, max_length=32, chunk=8, head=8)
SHAPES = [
    {},
    {"chunk": 0, "pooling": "mean", "norm": "rms", "place": "post", "head": 0},
    {"chunk": 0, "positions": "learned", "classes": 8},
    {"pooling": "max", "positions": "none"},
    {"pooling": "mean", "layers": 0},
]
ROWS = st.lists(st.integers(1, 29), min_size=1, max_size=32)


def made(**shape: object) -> Encoder:
    torch.manual_seed(5)
    return Encoder(msgspec.structs.replace(SMALL, **shape)).eval()


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def model(request: pytest.FixtureRequest) -> Encoder:
    return made(**request.param)


def padded(row: list[int], length: int) -> list[int]:
    return row + [PAD] * (length - len(row))


@settings(max_examples=10, deadline=None)
@given(row=ROWS, more=st.integers(0, 31), other=ROWS)
@torch.no_grad()
def test_a_row_scores_alike_alone_padded_and_in_any_batch(model: Encoder, row: list[int], more: int, other: list[int]) -> None:
    alone = model(torch.tensor([row]))
    longer = min(32, len(row) + more)
    assert torch.allclose(model(torch.tensor([padded(row, longer)])), alone, atol=1e-5)
    length = max(len(row), len(other))
    together = model(torch.tensor([padded(other, length), padded(row, length)]))
    assert torch.allclose(together[1:], alone, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(rows=st.lists(st.lists(st.integers(1, 29), min_size=32, max_size=32), min_size=2, max_size=2), place=st.integers(0, 3))
@torch.no_grad()
def test_a_chunk_knows_nothing_of_the_others(rows: list[list[int]], place: int) -> None:
    model, (one, two) = made(), rows
    part = slice(8 * place, 8 * place + 8)
    mixed = list(two)
    mixed[part] = one[part]
    assert torch.allclose(
        model.represent(torch.tensor([one]))[:, part], model.represent(torch.tensor([mixed]))[:, part], atol=1e-6
    )
    alone = model.states(torch.tensor([one[part]]), torch.arange(part.start, part.stop)[None])
    assert torch.allclose(alone, model.represent(torch.tensor([one]))[:, part], atol=1e-6)


@torch.no_grad()
def test_positions_are_places_in_the_row() -> None:
    model, token = made(chunk=0), torch.full((4, 8), 7)
    states = model.embed(token, model.cut(token)[1])
    assert torch.equal(states[0], states[3])  # the same place in two rows
    assert not torch.allclose(states[0, 0], states[0, 1])  # two places in one row
    chunked = made().represent(torch.full((1, 16), 7))
    assert not torch.allclose(chunked[0, :8], chunked[0, 8:])  # equal chunks at two places


def test_the_defaults_have_the_published_size() -> None:
    assert sum(weight.numel() for weight in Encoder(Size()).parameters()) == 5_397_377


@torch.no_grad()
def test_shapes(model: Encoder) -> None:
    for length in (1, 7, 8, 32):
        logits = model(torch.randint(1, 30, (3, length)))
        assert logits.shape == (3, model.size.classes)
        assert logits.isfinite().all()
    assert model(torch.zeros(2, 5, dtype=torch.int64)).isfinite().all()  # padding alone


@torch.no_grad()
def test_attention_weights_are_those_that_forward_uses(model: Encoder) -> None:
    ids = torch.tensor([padded([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 20), list(range(1, 21))])
    looks = model.attentions(ids)
    assert looks.shape == (model.size.layers, 2, 4, 20, 20)
    assert torch.allclose(looks[:, 1].sum(-1), torch.ones(model.size.layers, 4, 20))
    assert (looks[:, 0, :, :11, 11:] == 0).all()  # nobody looks at padding
    if model.size.chunk and model.size.layers:
        assert (looks[:, 1, :, :8, 8:] == 0).all()
    if model.size.layers:
        attention, chunks = model.layers[0].attention, ids[1:, :8]
        x = model.embed(chunks, torch.arange(8)[None])
        x = model.layers[0].norm_1(x) if model.layers[0].before else x
        unseen = torch.zeros(1, 1, 8, 8)
        by_weights = attention.weights(x, unseen) @ attention.split(x)[2]
        assert torch.allclose(attention.out(by_weights.transpose(1, 2).flatten(2)), attention(x, unseen), atol=1e-5)


def test_dropout_keeps_the_mean_and_rests_when_scoring() -> None:
    torch.manual_seed(1)
    drop, x = Dropout(0.25), torch.ones(100_003)
    dropped = drop(x)
    assert float(dropped.mean()) == pytest.approx(1, abs=0.02)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert torch.equal(drop.eval()(x), x)


def test_sinusoids_are_the_published_ones() -> None:
    table = sinusoids(7, 5)
    assert table.shape == (7, 5)
    assert float(table[3, 2]) == pytest.approx(float(torch.sin(torch.tensor(3 / 10_000 ** (2 / 5)))), abs=1e-6)
    assert float(table[3, 1]) == pytest.approx(float(torch.cos(torch.tensor(3.0))), abs=1e-6)


@pytest.mark.parametrize("shape", [{"heads": 3}, {"chunk": 9}])
def test_sizes_that_do_not_fit_are_refused(shape: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="multiple"):
        made(**shape)
