"""Every registered detector goes the whole way on real lines: trained, sealed, verified, scored, explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import logsentry
from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.decode import read as decoded
from logsentry.pipeline.run import verify_bundle
from logsentry.pipeline.training import TrainingPlan, train
from logsentry.registry import installed
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


@pytest.mark.parametrize("name", WITHOUT_LABELS)
def test_a_detector_learns_is_sealed_and_scores(name: str, tmp_path: Path) -> None:
    plan = TrainingPlan(
        "http-access", name, (str(DEMO / "ordinary-2015-05-17.log.gz"),), SETTINGS.get(name, {}), alerts_per_day=20
    )
    trained = train(plan, Store(tmp_path), name, lambda done, total, note: None)
    assert "is whole" in verify_bundle(trained.bundle.reference, tmp_path)
    scorer = Scorer(trained.bundle, Options(table=0))
    source = make_source("http-access")
    found = [d for d in decoded(make_files([str(DEMO / "attacks.log.gz")], source), source) if d]
    assemble = assembler(scorer.keys.profile.windows)
    closed = [c for d in found for event in d.events for c in assemble.feed(event)] + list(assemble.flush())
    windows = [c.window for c in closed]
    scores = scorer.score(windows)
    assert all(0 < score.p_value <= 1 for score in scores)
    assert [scorer.score([window])[0].value for window in windows] == pytest.approx([s.value for s in scores], abs=1e-5)
    strangest = max(scores, key=lambda score: score.value)
    assert strangest.p_value < 0.2, f"{name} finds no attack line stranger than ordinary traffic"
    assert strangest.why, f"{name} does not say why"
