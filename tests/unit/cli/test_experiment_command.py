"""`logsentry experiment`: options in, a page out, and one sentence where something is missing."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from logsentry.cli import main
from logsentry.experiments import plan
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.ratings import Method, Ratings
from logsentry.sdk import Progress


def pairs(method: Method, benchmark: Benchmark, seed: int, progress: Progress) -> Ratings:
    """Counts pairs of keys that the first half of training has not."""
    half = len(benchmark.train) // 2
    known = {pair for window in benchmark.train[:half] for pair in pairwise(window)}
    values, held_back = (
        [float(sum(pair not in known for pair in pairwise(window))) for window in some]
        for some in (benchmark.windows, benchmark.train[half:])
    )
    return Ratings(values, held_back)


@pytest.fixture(autouse=True)
def _command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command as the table has it, with a trial that needs no model."""
    module = ModuleType("logsentry.experiments.trial")
    module.trial = pairs  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(main.COMMANDS, "experiment", ("logsentry.cli.experiment:command", "Compare detectors."))


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    (tmp_path / "hdfs_train").write_text("5 5 22 11 9 26\n" * 200)
    (tmp_path / "hdfs_test_normal").write_text("5 5 22 11 9 26\n" * 300)
    (tmp_path / "hdfs_test_abnormal").write_text("5 22 5\n" * 9)
    return tmp_path


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(main.root, ["experiment", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_a_page_and_where_it_is(sessions: Path, tmp_path: Path) -> None:
    code, out, said = run("hdfs", "--data", sessions, "--out", tmp_path / "r", "--detectors", "counting, pca", "--seeds", "2")
    page = tmp_path / "r" / "hdfs" / "README.md"
    assert (code, out, said) == (0, "", f"the page is {page}\n")
    assert "| PCA (counts" in page.read_text()
    assert "DeepLog (" not in page.read_text()
    assert len(list((tmp_path / "r" / "hdfs" / "trials").glob("*.json"))) == 14


@pytest.mark.parametrize("name", ["hdfs", "bgl", "thunderbird", "voters", "windows"])
def test_absent_data_is_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGSENTRY_DATA", str(tmp_path))
    code, _, said = run(name, "--out", tmp_path / "r")
    assert code == 1
    assert said.startswith(f"logsentry: there is no {tmp_path}")
    assert "set LOGSENTRY_DATA" in said
    assert "https://github.com" in said
    assert said.count("\n") == 1


def test_settings_go_into_every_row_and_onto_the_page(sessions: Path, tmp_path: Path) -> None:
    code, _, _ = run(
        "hdfs", "--data", sessions, "--out", tmp_path / "r", "--detectors", "pca", "--seeds", "1", "--set", "variance=0.9"
    )
    assert code == 0
    assert "- Set for every row: variance=0.9." in (tmp_path / "r" / "hdfs" / "README.md").read_text()
    [kept] = (tmp_path / "r" / "hdfs" / "trials").glob("*.json")
    assert '"variance":0.9' in kept.read_text()


def test_what_is_unknown_is_a_usage_error(sessions: Path) -> None:
    code, _, said = run("hdfs", "--data", sessions, "--detectors", "counting,deeplogs")
    assert (code, "no detector 'deeplogs'" in said) == (2, True)
    code, _, said = run("liberty")
    assert (code, "'liberty' is not one of" in said) == (2, True)


def test_a_missing_extra_is_one_sentence(sessions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda name: None)
    code, _, said = run("hdfs", "--data", sessions)
    assert (code, said) == (2, "logsentry: an experiment needs matplotlib: pip install 'logsentry[train]'\n")
