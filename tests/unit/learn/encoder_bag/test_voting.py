"""The detector `encoder-bag`: it learns what its parts can, and its graphs answer as torch does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import pytest
import torch

from logsentry.errors import TrainingError
from logsentry.learn.encoder_bag.detector import EncoderBag
from logsentry.learn.encoder_bag.settings import Config
from logsentry.text.vocabulary import PAD

SMALL: dict[str, Any] = {
    "width": 16,
    "heads": 2,
    "feed_forward": 32,
    "row_length": 40,
    "max_length": 16,
    "head": 8,
    "epochs": 3,
    "validation": 0.3,
    "bag_width": 8,
    "bag_epochs": 12,
    "buckets": 4096,
    "full": 2,
    "quiet": 3,
}
WORDS = ["<pad>", "<unk>", "<mask>", *(f"kernel32.call{number}" for number in range(27)), "0x0", "<ret_val>", "17"]


def rows(number: int = 240, seed: int = 3) -> tuple[list[list[int]], list[int]]:
    """Malicious rows call 5 and then 6, with values in between."""
    draw = np.random.default_rng(seed)
    made = [draw.integers(7, 33, draw.integers(4, 44)).tolist() for _ in range(number)]
    for row in made[::2]:
        row[1:1] = [5, 30, 6, 31]
    return made, [1, 0] * (number // 2)


@pytest.fixture(scope="module")
def fitted() -> tuple[EncoderBag, dict[str, float]]:
    one = EncoderBag(msgspec.convert(SMALL, Config))
    one.hear(WORDS)
    return one, one.fit_labelled(*rows(), len(WORDS), seed=1, progress=lambda *_: None)


def test_it_tells_held_back_rows_apart(fitted: tuple[EncoderBag, dict[str, float]]) -> None:
    one, figures = fitted
    assert one.max_length == 40
    assert figures["auc"] > 0.9
    assert figures["held"] == 72
    assert figures["grams"] > 100
    new, labels = rows(60, 9)
    said = one.malice(new)
    assert said[np.array(labels) == 1].mean() > said[np.array(labels) == 0].mean() + 0.25


def test_bare_values_come_from_words_or_settings(fitted: tuple[EncoderBag, dict[str, float]]) -> None:
    assert np.flatnonzero(fitted[0].trained().bag.bare.numpy()).tolist() == [30, 31, 32]
    one = EncoderBag(msgspec.convert({**SMALL, "values": [7], "bag_epochs": 1, "epochs": 1}, Config))
    one.hear(WORDS)
    one.fit_labelled(*rows(), len(WORDS), seed=1, progress=lambda *_: None)
    assert np.flatnonzero(one.trained().bag.bare.numpy()).tolist() == [7]


def test_graphs_of_all_precisions_answer_as_torch(fitted: tuple[EncoderBag, dict[str, float]], tmp_path: Path) -> None:
    one, _ = fitted
    (part,) = one.export(tmp_path, rows()[0])
    ids = torch.randint(3, 33, (7, 23))
    ids[1, 9:] = ids[2, :] = ids[3, 4] = PAD
    ids[4] = 31  # nothing but values
    with torch.no_grad():
        wanted = one.trained()(ids).numpy()
    for graph, apart in zip(part.graphs, (1e-5, 5e-3, 0.1), strict=True):
        session = onnxruntime.InferenceSession(tmp_path / graph.file)
        got = session.run(None, {"ids": ids.numpy()})[0]
        assert np.abs(got - wanted).max() < apart
        for row in (0, 5):  # alone as in company
            assert np.abs(session.run(None, {"ids": ids[row : row + 1].numpy()})[0] - got[row]).max() < 1e-5


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        made = EncoderBag(msgspec.convert({**SMALL, "epochs": 1, "bag_epochs": 1}, Config))
        made.fit_labelled(*rows(), len(WORDS), seed=4, progress=lambda *_: None)
        made.export(tmp_path / name, rows()[0][:20])
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "other"))
    assert one == other


def test_it_cannot_be_exported_unfitted_or_fitted_without_labels(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not been fitted"):
        EncoderBag(Config()).export(tmp_path, [[5]])
    with pytest.raises(TrainingError, match="labels"):
        EncoderBag(Config()).fit([[5]], 6, seed=1, progress=lambda *_: None)
