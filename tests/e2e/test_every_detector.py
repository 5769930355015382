"""Every registered detector goes the whole way on real lines: trained, sealed, verified, scored, explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import logsentry
from logsentry.errors import UsageError
from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.decode import read as decoded
from logsentry.pipeline.opening import verify_bundle
from logsentry.pipeline.training import TrainingPlan, train
from logsentry.registry import installed
from logsentry.schema.window import Window
from logsentry.scoring.scorer import Options, Scorer
from logsentry.stages.windows import assembler
from logsentry.store.bundles import Store

DEMO = Path(logsentry.__file__).parent / "demo" / "logs"
SMALL = {"members": 3, "width": 16, "layers": 1, "heads": 2, "max_steps": 40}
SETTINGS: dict[str, dict[str, Any]] = {
    "deeplog": {"max_steps": 20, "width": 16},
    "hybrid": {"detectors": {"logbert-ensemble": SMALL, "counting": {}}},
    "isolation-forest": {},
    "logbert-ensemble": SMALL,
    "loganomaly": {"max_steps": 20, "width": 16},
    "regex": {"rules": "http-access", "most": 0.2},
}


WITHOUT_LABELS = [offer.name for offer in installed().offers("detectors") if offer.name not in ("encoder", "encoder-bag")]


def read_windows(scorer: Scorer, file: str) -> list[Window]:
    source = make_source("http-access")
    found = [d for d in decoded(make_files([str(DEMO / file)], source), source) if d]
    assemble = assembler(scorer.keys.profile.windows)
    closed = [c for d in found for event in d.events for c in assemble.feed(event)] + list(assemble.flush())
    return [c.window for c in closed]


@pytest.mark.parametrize("name", WITHOUT_LABELS)
def test_a_detector_learns_is_sealed_and_scores(name: str, tmp_path: Path) -> None:
    plan = TrainingPlan(
        "http-access", name, (str(DEMO / "ordinary-2015-05-17.log.gz"),), SETTINGS.get(name, {}), alerts_per_day=20
    )
    trained = train(plan, Store(tmp_path), name, lambda done, total, note: None)
    assert "is whole" in verify_bundle(trained.bundle.reference, tmp_path)
    scorer = Scorer(trained.bundle, Options(table=0))
    windows = read_windows(scorer, "attacks.log.gz")
    scores = scorer.score(windows)
    assert all(0 < score.p_value <= 1 for score in scores)
    assert [scorer.score([window])[0].value for window in windows] == pytest.approx([s.value for s in scores], abs=1e-5)
    strangest = max(scores, key=lambda score: score.value)
    assert strangest.p_value < 0.2, f"{name} finds no attack line stranger than ordinary traffic"
    assert strangest.why, f"{name} does not say why"


@pytest.mark.parametrize("name", ["hybrid", "pca"])
def test_a_detector_trained_in_folds_scores_as_one(name: str, tmp_path: Path) -> None:
    logs = (str(DEMO / "ordinary-2015-05-17.log.gz"),)
    plan = TrainingPlan("http-access", name, logs, SETTINGS.get(name, {}), alerts_per_day=20, folds=3)
    trained = train(plan, Store(tmp_path), name, lambda done, total, note: None)
    assert "in 3 folds, each held back in turn" in trained.sentences()[1]
    assert "is whole" in verify_bundle(trained.bundle.reference, tmp_path)
    scorer, early = (Scorer(trained.bundle, Options(table=0, vote=vote)) for vote in ("majority", "majority-early"))
    folds = [part.fold for part in scorer.calibration.parts]
    assert folds == sorted(folds)
    assert {folds.count(fold) for fold in range(3)} == {len(scorer.bundle.manifest.parts) // 3}
    held_back = sum(len(fold) for fold in scorer.calibration.folds["majority"])
    assert len(scorer.calibration.held_back("majority")) == held_back == trained.bundle.manifest.metrics["held_back"]
    windows = read_windows(scorer, "attacks.log.gz")
    scores = scorer.score(windows)
    assert [score.value for score in early.score(windows)] == [score.value for score in scores]
    assert min(score.p_value for score in scores) == pytest.approx(1 / (held_back + 1), abs=1e-6)
    assert max(scores, key=lambda score: score.value).why


def test_rules_are_not_trained_in_folds(tmp_path: Path) -> None:
    plan = TrainingPlan("http-access", "regex", (str(DEMO / "ordinary-2015-05-17.log.gz"),), SETTINGS["regex"], folds=2)
    with pytest.raises(UsageError, match="cannot be trained in folds"):
        train(plan, Store(tmp_path), "regex", lambda done, total, note: None)
