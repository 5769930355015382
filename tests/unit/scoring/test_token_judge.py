"""The judge of token rows: what the encoder's export really wrote, alone and in any batch, with and without the table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.errors import BundleRefused, TrainingError
from logsentry.scoring.evidence import Rarity, Scale
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.precisions import differences, precision_report
from logsentry.scoring.tokens import Tokens, open_tokens
from logsentry.scoring.tokens_session import InChunks
from logsentry.sdk import Part
from logsentry.text.vocabulary import PAD

torch = pytest.importorskip("torch")
encoder = pytest.importorskip("logsentry.learn.classifier.encoder")
export = pytest.importorskip("logsentry.learn.classifier.export")

LENGTH, VOCABULARY = 32, 40
SHAPES = [
    {"chunk": 8, "pooling": "mean"},
    {"chunk": 8, "pooling": "max", "classes": 8},
    {"chunk": 8, "pooling": "flatten"},
    {"chunk": 0, "pooling": "mean"},
]
ROWS = st.lists(st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=LENGTH + 6).map(tuple), min_size=1, max_size=9)


class Config(msgspec.Struct):
    fp16: bool = True
    int8: bool = True


class Made(msgspec.Struct):
    model: Any
    part: Part
    files: dict[str, bytes]

    def open(self, precision: str = "fp32", bound: int = 1000, **told: int) -> Tokens:
        return open_tokens(self.part, self.files, VOCABULARY, told, Hardware(precision=precision), "bundle", bound)[0]

    def torch(self, rows: list[tuple[int, ...]]) -> np.ndarray:
        with torch.no_grad():
            return np.concatenate([self.model(torch.tensor([row[:LENGTH]])).numpy() for row in rows])


def drawn(number: int) -> list[tuple[int, ...]]:
    draw = np.random.default_rng(0)
    return [tuple(draw.integers(3, VOCABULARY, draw.integers(1, LENGTH + 5)).tolist()) for _ in range(number)]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: f"{shape['chunk']} {shape['pooling']}")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    torch.manual_seed(2)
    size = {
        "vocabulary": VOCABULARY,
        "width": 16,
        "heads": 2,
        "feed_forward": 32,
        "max_length": LENGTH,
        "head": 8,
        **request.param,
    }
    model = encoder.Encoder(encoder.Size(**size)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.1 * torch.randn(weight.shape)
    folder: Path = tmp_path_factory.mktemp("bundle")
    part = export.write(model, Config(), folder, drawn(40))
    return Made(model, part, {path.name: path.read_bytes() for path in folder.iterdir()})


@pytest.mark.parametrize(("precision", "apart"), [("fp32", 1e-5), ("fp16", 2e-2), ("int8", 0.3)])
def test_it_answers_as_torch(made: Made, precision: str, apart: float) -> None:
    rows = drawn(30)
    wanted = made.torch(rows)
    np.testing.assert_allclose(made.open(precision).logits(rows), wanted, atol=apart * (1 + np.abs(wanted).max()))


@settings(max_examples=8, deadline=None)
@given(rows=ROWS)
def test_a_row_scores_alike_alone_and_in_any_batch(made: Made, rows: list[tuple[int, ...]]) -> None:
    for precision in ("fp32", "int8"):
        judge = made.open(precision)
        together = judge.logits(rows)
        alone = np.concatenate([judge.logits(np.array([row])) for row in rows])
        padded = judge.logits([(*row, *[PAD] * (LENGTH - len(row))) for row in rows])
        np.testing.assert_allclose(alone, together, atol=1e-5)
        np.testing.assert_allclose(padded, together, atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(calls=st.lists(ROWS, min_size=1, max_size=3))
def test_the_table_changes_no_bit_of_a_verdict(made: Made, calls: list[list[tuple[int, ...]]]) -> None:
    if not made.part.settings["chunk"]:
        return
    kept, few, none = made.open(bound=1000), made.open(bound=3), made.open(bound=0)
    for rows in calls:
        found = [judge.malice(rows).tobytes() for judge in (kept, few, none)]
        assert found[0] == found[1] == found[2]
        assert found[0] == np.concatenate([none.malice([row]) for row in rows]).tobytes()


def test_long_rows_are_cut(made: Made) -> None:
    judge = made.open()
    long = np.random.default_rng(4).integers(3, VOCABULARY, (2, LENGTH + 9))
    assert judge.ask(long).logits.tolist() == judge.ask(long[:, :LENGTH]).logits.tolist()
    assert judge.cost(10 * LENGTH) == LENGTH


def test_evidence_keeps_the_order_and_is_never_negative(made: Made) -> None:
    judge = made.open()
    held = judge.ask(np.array([row[:10] for row in drawn(60) if len(row) >= 10]))
    assert held.evidence.shape == (1, len(held.logits), 1)
    assert (held.evidence >= 0).all()
    assert np.argsort(held.evidence[0, :, 0], kind="stable").tolist() == np.argsort(held.logits, kind="stable").tolist()
    few = np.arange(len(held.logits)) % 2 == 0
    assert held.of(few).logits.tolist() == held.logits[few].tolist()
    np.testing.assert_allclose(held.evidence[0, :, 0], np.log1p(np.exp(held.logits)), rtol=1e-6)


def test_several_classes_are_held_against_the_benign_one(made: Made) -> None:
    rows = drawn(5)
    logits = made.torch(rows).astype(float)
    if logits.shape[1] == 1:
        np.testing.assert_allclose(made.open().malice(rows), logits[:, 0], atol=1e-4)
        return
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for benign in (0, 3):
        malice = np.log((1 - p[:, benign]) / p[:, benign])
        np.testing.assert_allclose(made.open(benign=benign).malice(rows), malice, atol=1e-3)


def test_rare_rows_are_explained_and_others_are_not(made: Made) -> None:
    judge = made.open()
    ids = np.array([row[:12] for row in drawn(60) if len(row) >= 12])
    held = judge.ask(ids)
    rarity = Rarity(Scale.fit(np.sort(held.evidence, axis=1), [kind.least for kind in judge.kinds]))
    strangest = int(held.logits.argmax())
    found = held.findings(rarity.rated(held.evidence))
    assert sum(map(bool, found)) <= len(ids) // 10 + 1
    for finding in found[strangest]:
        assert ids[strangest, finding.position] == finding.key
        without = np.where(ids[strangest] == finding.key, PAD, ids[strangest])
        assert f"the logit is {judge.malice(without[None])[0]:.2f}" in finding.said
    assert found[strangest]


def test_precisions_are_compared_with_torch(made: Made) -> None:
    rows = drawn(40)
    logits = {precision: made.open(precision).malice(rows) for precision in ("fp32", "int8")}
    malicious = (logits["fp32"] > np.median(logits["fp32"])).astype(int)
    report = precision_report(logits["fp32"], logits, (1 - malicious).tolist(), malicious.tolist())
    assert report["auc_torch"] == report["tpr_at_0.1_torch"] == 1
    assert report["auc_fp32_minus_torch"] == report["logit_fp32_furthest_from_torch"] == 0
    assert -0.2 < report["auc_int8_minus_torch"] <= 0
    assert 0 < report["logit_int8_furthest_from_torch"] < 2
    assert [line.split()[0] for line in differences(report)] == ["fp32", "int8"]
    with pytest.raises(TrainingError, match="both labels"):
        precision_report(logits["fp32"], logits, [0] * 40, [1] * 40)


def changed(probe: bytes, by: float) -> bytes:
    with np.load(io.BytesIO(probe)) as data:
        arrays = {name: data[name] + np.float32(by) if name.startswith("logits") else data[name] for name in data.files}
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_a_bundle_that_answers_otherwise_is_refused(made: Made) -> None:
    probe = made.files[made.part.probe]
    for data, said in (
        (changed(probe, 0.01), "answers its probe differently"),
        (changed(probe, float("nan")), "answers its probe differently"),
        (b"none", "the probe cannot be read"),
    ):
        with pytest.raises(BundleRefused, match=said):
            Made(made.model, made.part, made.files | {made.part.probe: data}).open()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"benign": 9}, "cannot be"),
        ({"max_length": 0}, "cannot be"),
        ({"pooling": 3}, "cannot be"),
        ({"ids": 1}, "n-grams inside"),
    ],
)
def test_settings_that_cannot_be_are_refused(made: Made, told: dict[str, int], said: str) -> None:
    with pytest.raises(BundleRefused, match=said):
        made.open(**told)


def test_settings_and_graphs_must_fit(made: Made) -> None:
    bare = msgspec.structs.replace(made.part, settings={})
    with pytest.raises(BundleRefused, match="does not say max_length"):
        Made(made.model, bare, made.files).open()
    one = msgspec.structs.replace(made.part, graphs=made.part.graphs[:1] * (1 if made.part.settings["chunk"] else 2))
    with pytest.raises(BundleRefused, match="do not fit its settings"):
        Made(made.model, one, made.files).open()


def test_equal_chunks_are_computed_once(made: Made) -> None:
    session = made.open(bound=1000).session
    if isinstance(session, InChunks):
        session.table.asked = session.table.run = 0
        session.logits([(30,) * 20, (30,) * 20, (31,) * 3])
        assert (session.table.asked, session.table.run) == (7, 4)
