"""Where LogAnomaly's vectors come from, and that its counts are running counts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from logsentry.errors import UsageError
from logsentry.learn.next_key import template_vectors
from logsentry.learn.next_key.loganomaly import LogAnomaly, Net, Settings, attended
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, PAD, SPECIALS

TEXTS = [
    *SPECIALS,
    "Receiving block <*> src: <*>",
    "Received block <*> of size <*>",
    "Deleting block <*> file <*>",
    "Exception in close",
]
WINDOWS = [[BEGIN, 5, 6, END], [BEGIN, 7, END], [BEGIN, 5, 5, 6, 7, END]]
SMALL = Settings(history=3, width=8, max_steps=2, batch=4)


def fitted(detector: LogAnomaly) -> Net:
    detector.fit(WINDOWS, len(TEXTS), seed=0, progress=lambda done, total, note: None)
    assert detector.trained is not None
    net = detector.trained.net
    assert isinstance(net, Net)
    return net


def likeness(vectors: torch.Tensor, one: int, two: int) -> float:
    return float(torch.cosine_similarity(vectors[one], vectors[two], dim=0))


def test_templates_are_alike_as_far_as_they_share_words() -> None:
    texts = ["Receiving block <*> from source", "Receiving block <*> from disk 7", "Deleting file <*>", "Exception in close"]
    vectors = template_vectors.of_texts(texts, 256)
    assert vectors.shape == (4, 256)
    assert likeness(vectors, 0, 1) > max(likeness(vectors, 0, 2), likeness(vectors, 1, 3)) + 0.3
    torch.testing.assert_close(vectors, template_vectors.of_texts(texts, 256))
    assert template_vectors.WORD.findall("addStoredBlock: blk_-1608 <*> HTTPServer") == [
        "add", "Stored", "Block", "blk", "HTTP", "Server",
    ]  # fmt: skip


def test_texts_without_words_begin_at_random() -> None:
    vectors = template_vectors.of_texts(["<*>", "12", "open file"], 8)
    assert (vectors[:2] == 0).all()
    detector = LogAnomaly(SMALL)
    detector.told([*SPECIALS, *["<*>"] * 4])
    assert (fitted(detector).vectors.abs().sum(1) > 0).all()


def test_the_texts_make_a_difference_and_the_seed_makes_the_rest() -> None:
    told, alone, again = LogAnomaly(SMALL), LogAnomaly(SMALL), LogAnomaly(SMALL)
    told.told(TEXTS)
    first = fitted(alone).vectors
    assert not torch.equal(fitted(told).vectors, first)
    assert torch.equal(fitted(again).vectors, first)


def test_vectors_from_a_file(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    lists = {str(number): draw.normal(size=20).tolist() for number in (0, 1, 3, 4)}  # 4 is "no key" here
    file = tmp_path / "vectors.json"
    file.write_bytes(msgspec.json.encode(lists))
    table = template_vectors.of_file(str(file), FIRST_KEY, len(TEXTS))
    assert table.shape == (9, 20)
    assert (table[:FIRST_KEY] == 0).all()
    assert (table[7] == 0).all()
    known = np.array([lists["0"], lists["1"], lists["3"]])
    np.testing.assert_allclose(np.corrcoef(table[[5, 6, 8]].numpy()), np.corrcoef(known - known.mean(0)), atol=1e-5)
    assert abs(float(table[[5, 6, 8]].square().mean()) - 1) < 1e-5
    net = fitted(LogAnomaly(Settings(history=3, width=8, max_steps=2, batch=4, vectors=str(file))))
    assert net.vectors.shape == (9, 20)
    torch.testing.assert_close(net.vectors[8], table[8])  # never seen in training, so where the file put it


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not a JSON object"),
        (b'{"0": [1, "x"]}', "not a JSON object"),
        (b"{}", "one length"),
        (b'{"0": [1, 2], "1": [1]}', "one length"),
        (b'{"0": [], "1": []}', "one length"),
        (b'{"5": [1, 2]}', "ids end at 8"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "vectors.json").write_bytes(content)
    with pytest.raises(UsageError, match=told):
        fitted(LogAnomaly(Settings(vectors=str(tmp_path / "vectors.json"))))
    with pytest.raises(UsageError, match="not a JSON object"):
        template_vectors.of_file(str(tmp_path / "missing.json"), 5, 9)


def test_counts_are_running_counts() -> None:
    net = Net(torch.randn(9, 8), 8, 1)
    seen: list[torch.Tensor] = []
    net.counts.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    context = torch.tensor([[PAD, 5, 6, 5]])
    net(context)
    counts = torch.tensor([[0.0, 0], [1, 0], [1, 1], [2, 1]])  # of the keys 5 and 6
    torch.testing.assert_close(seen[0][0], counts @ net.steps.weight[[5, 6]] / 2)


def test_attention_of_equal_states_is_the_state() -> None:
    state = torch.randn(2, 1, 8)
    torch.testing.assert_close(attended(state.expand(2, 5, 8)), 2 * state[:, 0])
