"""`--device cuda` where there is no GPU: one sentence on stderr and a documented exit code, by every command that has it."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from click.testing import CliRunner

import logsentry
from logsentry.cli import main
from logsentry.errors import UsageError
from logsentry.experiments.plan import Plan
from logsentry.experiments.ratings import Method
from logsentry.pipeline.build import make_detector
from logsentry.pipeline.hybrid import Hybrid
from logsentry.pipeline.planning import of_device

torch = pytest.importorskip("torch")
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="no GPU must be here to show what is said without one")
LOG = str(Path(logsentry.__file__).parent / "demo" / "logs" / "attacks.log.gz")
TRAINING = "logsentry: device is cuda, but torch finds no CUDA device here; set device to cpu\n"
SCORING = "no execution provider of cuda works on this machine; allow cpu as well, or mend the driver\n"


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(main.root, list(map(str, arguments)))
    assert done.stdout == ""
    return done.exit_code, done.stderr


@no_gpu
@pytest.mark.parametrize("detector", ["hybrid", "logbert-ensemble", "deeplog", "loganomaly", "encoder", "encoder-bag"])
def test_train(tmp_path: Path, detector: str) -> None:
    asked = ("train", "--source", "http-access", "--detector", detector, tmp_path / "nothing.log", "--store", tmp_path / "store")
    assert run(*asked, "--device", "cuda") == (2, TRAINING)  # and before it is seen that there are no logs
    assert not (tmp_path / "store").exists()


@no_gpu
def test_score(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("score", "--bundle", "demo", LOG, "--device", "cuda") == (1, f"logsentry: {SCORING}")
    assert capfd.readouterr().err == ""  # the native library keeps quiet, too


@no_gpu
def test_experiment(tmp_path: Path) -> None:
    for name, lines in {
        "hdfs_train": "5 5 22 11 9 26\n" * 200,
        "hdfs_test_normal": "5 5 22\n" * 9,
        "hdfs_test_abnormal": "5\n",
    }.items():
        (tmp_path / f"{name}.xz").write_bytes(lzma.compress(lines.encode()))
    asked = ("experiment", "hdfs", "--quick", "--data", tmp_path, "--out", tmp_path / "results", "--device", "cuda")
    for detector in ("deeplog", "hybrid"):
        code, said = run(*asked, "--detectors", detector)
        assert (code, said.splitlines()[-1]) == (2, TRAINING.strip())


def test_a_detector_that_is_trained_on_the_cpu_alone() -> None:
    assert of_device("pca", "cpu") == of_device("pca", None) == of_device("deeplog", None) == ()
    assert of_device("deeplog", "cpu") == ("device=cpu",)
    with pytest.raises(UsageError, match="'pca' is trained on the CPU alone; leave --device out"):
        of_device("pca", "cuda")


@no_gpu
def test_a_hybrid_hands_its_device_to_those_that_can_choose() -> None:
    parts = {"counting": {}, "deeplog": {}}
    hybrid = make_detector("hybrid", {"detectors": parts, "device": "cpu"})
    assert isinstance(hybrid, Hybrid)
    assert hybrid.config.detectors == {"counting": {}, "deeplog": {"device": "cpu"}}
    make_detector("hybrid", {"detectors": {"deeplog": {"device": "cpu"}}, "device": "cuda"})  # its own goes before
    with pytest.raises(UsageError, match="no CUDA device"):
        make_detector("hybrid", {"detectors": parts, "device": "cuda"})


def test_an_experiment_hands_its_device_to_rows_that_can_choose(tmp_path: Path) -> None:
    rows = [Method("counting", "counting"), Method("deeplog", "deeplog")]
    placed = Plan(out=tmp_path, device="cuda").methods(rows)
    assert [row.options.get("device") for row in placed] == [None, "cuda"]
    assert Plan(out=tmp_path).methods(rows) == rows
