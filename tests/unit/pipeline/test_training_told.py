"""What `logsentry train` says of a fit: the loss where there is one, and else what was counted."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import logsentry
from logsentry.errors import TrainingError
from logsentry.pipeline.training import Trained, TrainingPlan, train
from logsentry.store.bundles import Store

DAY = Path(logsentry.__file__).parent / "demo" / "logs" / "ordinary-2015-05-19.log.gz"


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "access.log"
    path.write_bytes(b"".join(gzip.decompress(DAY.read_bytes()).splitlines(keepends=True)[:800]))
    return str(path)


def trained(detector: str, log: str, store: Path, **options: object) -> Trained:
    plan = TrainingPlan("http-access", detector, (log,), options=options)
    return train(plan, Store(store), "web", lambda done, total, note: None)


def test_a_detector_without_a_loss_says_what_it_counted(log: str, tmp_path: Path) -> None:
    found = trained("counting", log, tmp_path / "store")
    told = found.sentences()[1]
    assert "nan" not in " ".join(found.sentences())
    assert "loss" not in told
    metrics = found.bundle.manifest.metrics
    fired = round(metrics["counting_unseen_key_share"] * metrics["held_back"])
    assert found.sentences()[2] == (
        f"the simplest rule, an alert for every key never seen, would have fired on {fired} of {metrics['held_back']:.0f} held-back windows"
    )
    assert fired / metrics["held_back"] == pytest.approx(metrics["counting_unseen_key_share"], abs=1e-6)
    assert f"; distinct windows {found.figures['distinct_windows']:,.0f}, kept vectors " in told


def test_the_loss_is_told_where_there_is_one(log: str, tmp_path: Path) -> None:
    found = trained("deeplog", log, tmp_path / "store", epochs=1)
    assert found.sentences()[1].endswith(f"log keys; loss {found.figures['loss']:.3f}")


def test_lines_of_another_kind_are_told_with_the_first_reason(tmp_path: Path) -> None:
    path = tmp_path / "other.log"
    path.write_text("not an access line\n" * 1200)
    with pytest.raises(
        TrainingError, match=r"\(1,200 records read\); there is nothing .* first that was refused: .*other.log at byte 0: "
    ):
        trained("counting", str(path), tmp_path / "store")
