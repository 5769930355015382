"""Training on labels: what is read, how it is split, what is measured, and the sealed bundle with its card."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from logsentry.errors import TrainingError, UsageError
from logsentry.pipeline.build import make_source
from logsentry.pipeline.labelled import LabelledPlan, spread, train_labelled
from logsentry.pipeline.labelled_corpus import Examples, read_examples, split
from logsentry.pipeline.labelled_figures import Held, figures
from logsentry.pipeline.rating import from_softplus
from logsentry.schema.score import Scored
from logsentry.scoring.scorer import Scorer
from logsentry.store.bundles import Store


def quiet(done: int, total: int, note: str) -> None:
    pass


def rows(draw: random.Random, count: int, labelled: bool = True) -> list[dict[str, object]]:
    """Malicious rows hold the token 9."""
    found: list[dict[str, object]] = []
    for _ in range(count):
        y = draw.randrange(2)
        ids = [draw.randrange(3, 9) for _ in range(draw.randrange(3, 9))] + [9] * y
        found.append({"ids": ids, **({"y": y} if labelled else {})})
    return found


def written(path: Path, lines: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def examples(paths: list[str]) -> Examples:
    source = make_source("speakeasy-tokens")
    return read_examples(source, source.profile, [], [], paths, {}, quiet)


def test_nothing_is_on_both_sides(tmp_path: Path) -> None:
    lines = rows(random.Random(1), 200)
    read = examples([written(tmp_path / "rows.jsonl", lines + lines[:150])])
    assert len(read.labelled) == 350
    parted = split(read.labelled, 0.7, seed=1)
    assert not {one.content for one in parted.fit} & {one.content for one in parted.held_back}
    assert not parted.by_time
    assert parted.repeats == 0
    assert 0.6 < len(parted.fit) / 350 < 0.8
    assert parted == split(read.labelled, 0.7, seed=1)
    assert parted != split(read.labelled, 0.7, seed=2)


def test_files_give_the_label(tmp_path: Path) -> None:
    draw, source = random.Random(2), make_source("speakeasy-tokens")
    benign = written(tmp_path / "benign.jsonl", rows(draw, 5, labelled=False))
    malicious = written(tmp_path / "malicious.jsonl", rows(draw, 3, labelled=False))
    read = read_examples(source, source.profile, [benign], [malicious], [], {}, quiet)
    assert [one.label for one in read.labelled].count(0) == 5
    assert read.books.read == 8
    with pytest.raises(TrainingError, match="no malicious window"):
        read_examples(source, source.profile, [benign], [], [], {}, quiet)


@pytest.mark.parametrize("label", [{}, {"y": 2}, {"y": True}, {"label": "odd"}])
def test_rows_without_a_label_are_told(tmp_path: Path, label: dict[str, object]) -> None:
    with pytest.raises(TrainingError, match="give y 0 or 1"):
        examples([written(tmp_path / "rows.jsonl", [{"ids": [4, 5], **label}])])


def test_words_for_labels(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", [{"ids": [4], "label": "Benign"}, {"ids": [5], "label": "malicious"}])
    assert [one.label for one in examples([path]).labelled] == [0, 1]


def test_too_little_to_hold_back_is_told(tmp_path: Path) -> None:
    read = examples([written(tmp_path / "rows.jsonl", rows(random.Random(3), 12))])
    with pytest.raises(TrainingError, match="give more logs"):
        split(read.labelled, 0.7, seed=1)


def test_figures_of_each_precision() -> None:
    held = Held.of([(3,), (4,), (3,), (5,)], [0, 1, 1, 0])
    assert held.rows == ((3,), (4,), (5,))
    assert held.benign == (1, 0, 1)
    assert held.malicious == (1, 1, 0)
    found = figures(held, {"fp32": np.array([0.0, 1.0, -1.0]), "int8": np.array([0.0, -2.0, -1.0])})
    assert found["auc"] == pytest.approx(0.875)
    assert found["auc_int8_minus_fp32"] == pytest.approx(0.375 - 0.875)
    assert found["tpr_at_0.001"] == 0.5
    assert found["auc_low"] <= found["auc"] <= found["auc_high"]


def test_logits_come_back_from_evidence() -> None:
    logits = np.array([-600.0, -20.0, -1.0, 0.0, 3.0, 50.0])
    assert from_softplus(np.logaddexp(0.0, logits)) == pytest.approx(logits)
    assert np.isfinite(from_softplus(np.array([0.0]))).all()


def test_spread_keeps_the_ends() -> None:
    many = [(one,) for one in range(100)]
    assert spread(many, 3) == [(0,), (50,), (99,)] or spread(many, 3) == [(0,), (49,), (99,)]
    assert spread(many, 100) is many


def test_an_ordinary_detector_is_told(tmp_path: Path) -> None:
    plan = LabelledPlan("speakeasy-tokens", "counting", rows=("x",))
    with pytest.raises(UsageError, match="learns from ordinary logs alone"):
        train_labelled(plan, Store(tmp_path), "n", quiet)
    with pytest.raises(UsageError, match=r"between 0\.1 and 0\.95"):
        train_labelled(LabelledPlan("speakeasy-tokens", fit_share=1.0), Store(tmp_path), "n", quiet)


def test_from_rows_to_a_sealed_bundle(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", rows(random.Random(4), 300))
    options = {"width": 16, "heads": 2, "feed_forward": 32, "max_length": 64, "epochs": 0, "max_steps": 60}
    plan = LabelledPlan("speakeasy-tokens", rows=(path,), options=options, licence="CC0", data="Made up.")
    trained = train_labelled(plan, Store(tmp_path / "store"), "made", quiet)
    manifest = trained.bundle.manifest
    assert manifest.metrics["auc"] > 0.85
    assert manifest.metrics["held_back_benign"] >= 20
    assert abs(manifest.metrics["auc_int8_minus_fp32"]) < 0.05
    text = trained.bundle.files["card.md"].decode()
    for said in ("# made", "CC0", "Made up.", "## Limits", "distinct contents were dealt"):
        assert said in text
    assert any("AUC" in line for line in trained.sentences())
    assert [line.split(" ")[0] for line in trained.sentences() if "against torch" in line] == ["fp16", "fp32", "int8"]
    assert abs(manifest.metrics["auc_fp32_minus_torch"]) < 1e-3
    assert manifest.metrics["logit_fp32_furthest_from_torch"] < 1e-3
    assert "int8 against torch: AUC" in text
    assert any("a false-positive rate of 0.01" in line for line in trained.sentences())
    assert not trained.dead
    check_probabilities(Scorer(trained.bundle), path)


def check_probabilities(scorer: Scorer, path: str) -> None:
    """Rows that say more of malice have no lower a probability, and who is sure is sure of the right label."""
    assert scorer.probability is not None
    read = examples([path]).labelled
    scores = scorer.score([one.window for one in read])
    logits = [verdict.logit for verdict in scorer.judge([scorer.keys.encode(one.window) for one in read])]
    ordered = [score.probability for _, score in sorted(zip(logits, scores, strict=True), key=lambda pair: pair[0] or 0.0)]
    assert all(p is not None and 0 < p < 1 for p in ordered)
    assert ordered == sorted(ordered, key=lambda p: p or 0.0)
    low, high = scorer.probability.band
    for one, score in zip(read, scores, strict=True):
        assert score.probability is not None
        assert score.uncertain == (low < score.probability < high)
        assert Scored(one.window, score).document()["uncertain"] is score.uncertain
        assert any("with a probability of" in reason.what for reason in score.why) == (score.uncertain or len(score.why) > 0)
    sure = [
        (score.probability > 0.5, one.label)
        for one, score in zip(read, scores, strict=True)
        if score.probability and not score.uncertain
    ]
    assert len(sure) > len(read) / 2
    assert sum(said == bool(label) for said, label in sure) > 0.9 * len(sure)
