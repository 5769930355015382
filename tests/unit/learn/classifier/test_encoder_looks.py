"""The graph of attention answers as torch does, a block for each chunk, and names no more than it needs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from logsentry.learn.classifier.encoder import Encoder, Size
from logsentry.learn.classifier.export import LOOKS, settings, write
from logsentry.scoring.looks import FILE, Looks

VOCABULARY = 40


class Plain(msgspec.Struct):
    fp16: bool = False
    int8: bool = False


def model(**more: object) -> Encoder:
    torch.manual_seed(3)
    size = {"vocabulary": VOCABULARY, "width": 16, "heads": 2, "feed_forward": 32, "max_length": 32, "chunk": 8, "head": 8}
    encoder = Encoder(msgspec.convert({**size, **more}, Size))
    encoder.eval()
    return encoder


@pytest.mark.parametrize("more", [{}, {"place": "post", "norm": "rms"}, {"chunk": 0, "pooling": "mean"}, {"positions": "none"}])
@pytest.mark.parametrize("length", [1, 8, 21, 32, 40])
def test_looks_are_those_of_torch(tmp_path: Path, more: dict[str, object], length: int) -> None:
    made = model(**more)
    write(made, Plain(), tmp_path, [(4, 5, 6)])
    ids = np.random.default_rng(length).integers(3, VOCABULARY, length)
    found = Looks((tmp_path / LOOKS).read_bytes(), settings(made), "here").of(ids)
    read = min(length, 32)
    wanted = made.attentions(torch.from_numpy(ids[None, :32])).mean(dim=(0, 2))[0].numpy()
    whole = np.zeros((read, read))
    for look in found:
        whole[np.ix_(look.places, look.places)] = look.weights
    np.testing.assert_allclose(whole, wanted, atol=5e-3)  # its embedding has 8 bits
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-5)


def test_a_model_without_layers_looks_nowhere(tmp_path: Path) -> None:
    write(model(layers=0), Plain(), tmp_path, [(4, 5, 6)])
    assert not (tmp_path / LOOKS).exists()


def test_both_sides_name_one_file() -> None:
    assert FILE == LOOKS
