"""Training with products in bfloat16: what is rounded and what is not, and that what a model says is compared in both precisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from logsentry.errors import UsageError
from logsentry.learn.logbert.ensemble import LogBertEnsemble
from logsentry.learn.logbert.masking import complementary
from logsentry.learn.logbert.model import LogBert, Size
from logsentry.learn.logbert.probe import answers, by_length
from logsentry.learn.logbert.settings import Config
from logsentry.learn.next_key.deeplog import DeepLog
from logsentry.learn.next_key.loganomaly import LogAnomaly
from logsentry.learn.precision import kind_on, products
from logsentry.learn.verdicts import Votes, evidence, figures, of_guesses, of_members, strange
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY

KEYS, DEVICE = 10, "cpu"
CYCLES = [[BEGIN, *(5 + (start + step) % 4 for step in range(length)), END] for start in range(4) for length in range(4, 9)]
SMALL: dict[str, Any] = {"members": 3, "width": 16, "heads": 2, "layers": 1, "max_steps": 25, "batch": 8, "max_length": 16}


def silent(done: int, total: int, note: str) -> None:
    """Progress that nobody looks at."""


def fitted(precision: str, **more: Any) -> tuple[LogBert, dict[str, float]]:
    detector = LogBertEnsemble(Config(**{**SMALL, **more, "precision": precision}))
    found = detector.fit(CYCLES, KEYS, seed=1, progress=silent)
    assert detector.model is not None
    return detector.model, {name: value for name, value in found.items() if name != "seconds"}


@pytest.fixture(scope="module")
def rounded() -> tuple[LogBert, dict[str, float]]:
    return fitted("bf16")


def test_on_a_cpu_auto_is_float32_and_changes_nothing(rounded: tuple[LogBert, dict[str, float]]) -> None:
    plain, told = fitted("fp32")
    auto, same = fitted("auto")
    assert told == same
    assert set(told) == {"loss", "distance", "steps", "distinct_windows"}
    assert all(a.equal(b) for a, b in zip(plain.state_dict().values(), auto.state_dict().values(), strict=True))
    assert not plain.head.weight.equal(rounded[0].head.weight)


def test_bf16_keeps_weights_in_float32_and_learns_as_well(rounded: tuple[LogBert, dict[str, float]]) -> None:
    model, told = rounded
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}
    assert model.centre.abs().sum() > 0
    _, plain = fitted("fp32")
    assert told["loss"] == pytest.approx(plain["loss"], rel=0.02)
    assert told["distance"] == pytest.approx(plain["distance"], rel=0.05)
    again, _ = fitted("bf16")
    assert again.head.weight.equal(model.head.weight)


def test_a_training_in_bf16_tells_of_its_verdicts(rounded: tuple[LogBert, dict[str, float]]) -> None:
    probe = by_length(CYCLES)
    assert rounded[1]["probe_verdicts"] == sum(len(batch) for batch in probe)
    assert rounded[1] == {**rounded[1], **figures([of_members(rounded[0], probe, DEVICE)])}
    assert 0 <= rounded[1]["probe_verdicts_changed"] <= 2


def test_members_trained_in_batches_are_compared_by_the_vote_of_all() -> None:
    _, told = fitted("bf16", members=3, together=2, max_steps=4)
    assert told["probe_verdicts"] == sum(len(batch) for batch in by_length(CYCLES))


@pytest.mark.parametrize("kind", [DeepLog, LogAnomaly])
def test_next_key_models_train_in_bf16(kind: type[DeepLog] | type[LogAnomaly]) -> None:
    found = {}
    for precision in ("fp32", "bf16"):
        detector = kind(kind.Config(width=16, max_steps=12, precision=precision))  # type: ignore[arg-type]
        found[precision] = detector.fit(CYCLES, KEYS, seed=1, progress=silent)
        assert detector.trained is not None
        assert {weight.dtype for weight in detector.trained.net.parameters()} == {torch.float32}
    assert found["bf16"]["loss"] == pytest.approx(found["fp32"]["loss"], rel=0.02)
    assert found["bf16"]["probe_verdicts"] > 0
    assert "probe_verdicts" not in found["fp32"]


def test_sums_stay_in_float32(rounded: tuple[LogBert, dict[str, float]]) -> None:
    model, copies = rounded[0], complementary(torch.tensor([CYCLES[4]]), 2)
    with torch.no_grad(), products(DEVICE, "bf16"):
        said = model(*copies)
        assert model.encode(copies.masked[None]).dtype == torch.float32
    assert (said.surprise.dtype, said.distance.dtype, said.probability.dtype) == (torch.float32,) * 3
    torch.testing.assert_close(said.probability.sum(-1), torch.ones(said.probability.shape[:-1]), atol=1e-6, rtol=0)
    with torch.no_grad():
        plain = model(*copies)
    assert not said.surprise.equal(plain.surprise)  # the products were rounded
    torch.testing.assert_close(said.surprise, plain.surprise, atol=0.1, rtol=0.05)


def test_evidence_is_that_of_the_probe(rounded: tuple[LogBert, dict[str, float]]) -> None:
    ids = by_length(CYCLES)[0]
    with torch.no_grad():
        found, said = evidence(rounded[0], ids, DEVICE, "fp32"), answers(rounded[0], torch.from_numpy(ids), 2)
    np.testing.assert_allclose(found[0], said["surprise"][..., 1:].mean(-1), rtol=1e-5)
    np.testing.assert_allclose(found[1], said["distance"], rtol=1e-5)


def test_the_strangest_tenth_by_either_kind_of_evidence() -> None:
    surprise, distance = torch.arange(20.0)[None], torch.arange(20.0).flip(0)[None]
    assert strange(torch.stack([surprise, distance])).nonzero()[:, 1].tolist() == [0, 1, 18, 19]


def test_a_guess_is_strange_beyond_the_nine_likeliest() -> None:
    net = torch.nn.Embedding(1, 12, _weight=torch.arange(12.0)[None])
    votes = of_guesses(
        torch.nn.Sequential(net, torch.nn.Flatten()), torch.zeros(2, 1, dtype=torch.long), torch.tensor([2, 3]), DEVICE
    )
    assert votes.fp32.tolist() == votes.bf16.tolist() == [[True, False]]


def test_a_verdict_changes_where_the_majority_does() -> None:
    fp32 = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 1]]).bool()
    bf16 = torch.tensor([[0, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 1]]).bool()
    apart = [Votes(fp32[:2], bf16[:2]), Votes(fp32[2:], bf16[2:])]
    assert figures(apart) == {"probe_verdicts": 4.0, "probe_verdicts_changed": 1.0}  # the second: 2 of 3 members, then 1
    assert figures([]) == {}


def test_no_tensor_is_left_on_the_wrong_device() -> None:
    """Tensors without content stand in for a GPU's, so that a forward pass there is checked where there is none."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        with torch.device("cuda"):
            model = LogBert(2, Size(FIRST_KEY + 4, 16, 2, 2, 32, 16))
        ids = torch.zeros(8, 12, dtype=torch.long, device="cuda")
        said = model(*complementary(ids, 2))
        padded = model.logits(model.encode(ids[None], padded=True))
    assert {answer.device.type for answer in (*said, padded)} == {"cuda"}
    assert {answer.dtype for answer in (*said[1:], padded)} == {torch.float32}


@pytest.mark.parametrize(("able", "found"), [(True, "bf16"), (False, "fp32")])
def test_on_a_gpu_auto_is_what_it_multiplies_in(monkeypatch: pytest.MonkeyPatch, able: bool, found: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: able)
    assert kind_on("cuda", "auto") == found
    assert kind_on("cuda", "fp32") == "fp32"
    assert (kind_on("cpu", "auto"), kind_on("cpu", "bf16")) == ("fp32", "bf16")
    if not able:
        with pytest.raises(UsageError, match="set precision to fp32"):
            kind_on("cuda", "bf16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="no GPU must be here to show what is said without one")
@pytest.mark.parametrize("kind", [LogBertEnsemble, DeepLog, LogAnomaly])
def test_a_gpu_that_is_not_there_is_told_before_anything_is_read(kind: Any) -> None:
    with pytest.raises(UsageError, match="no CUDA device here; set device to cpu"):
        kind(kind.Config(device="cuda"))
