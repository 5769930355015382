"""The picture of an encoder-bag's attention is of the tokens that its encoder reads, each at its place in the row."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.classifier.export import LOOKS
from logsentry.learn.encoder_bag import grams as bag_grams
from logsentry.learn.encoder_bag.bag import Bag, terse
from logsentry.learn.encoder_bag.export import write
from logsentry.learn.encoder_bag.settings import Config
from logsentry.learn.encoder_bag.voters import Voters
from logsentry.scoring.looks import Looks

VOCABULARY, BARE = 30, (4, 5)
SIZES = {"width": 16, "heads": 2, "layers": 2, "feed_forward": 32, "row_length": 40, "max_length": 12, "head": 8, "buckets": 256}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Voters, Looks]:
    torch.manual_seed(4)
    config = msgspec.convert({**SIZES, "bag_width": 4, "fp16": False, "int8": False, "least": 1}, Config)
    bare = np.isin(np.arange(VOCABULARY), BARE)
    draw = np.random.default_rng(0)
    rows = [draw.integers(3, VOCABULARY, 20).tolist() for _ in range(9)]
    bag = Bag(bag_grams.learn(rows, bare, config.limits()), torch.from_numpy(bare), config.bag_width, 1, 0.0)
    size = config.size(VOCABULARY, 1)
    model = Voters(Encoder(size), bag, 0.5, size)
    folder: Path = tmp_path_factory.mktemp("bundle")
    part = write(model, config, folder, rows)
    return model, Looks((folder / LOOKS).read_bytes(), part.settings, "here")


@pytest.mark.parametrize(("row", "places"), [
    ([4, 6, 5, 7, 7, 4, 7, 8], [1, 3, 7]),
    ([6], [0]),
    ([6, 7] * 20, list(range(12))),
])  # fmt: skip
def test_looks_are_of_the_tokens_that_are_read(exported: tuple[Voters, Looks], row: list[int], places: list[int]) -> None:
    model, asked = exported
    (look,) = asked.of(np.array(row))
    assert look.places.tolist() == places
    short = terse(torch.tensor([row]), model.bag.bare)[:, : len(places)]
    assert short[0].tolist() == [row[place] for place in places]
    wanted = model.encoder.attentions(short).mean(dim=(0, 2))[0].numpy()
    np.testing.assert_allclose(look.weights, wanted, atol=1e-5)


def test_a_row_of_bare_values_has_a_picture_too(exported: tuple[Voters, Looks]) -> None:
    (look,) = exported[1].of(np.array([4, 5, 4]))
    assert look.weights.shape == (1, 1)
