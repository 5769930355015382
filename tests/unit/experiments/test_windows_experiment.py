"""The experiment `windows` on a small log in both layouts."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from logsentry.errors import InputError
from logsentry.experiments import windows
from logsentry.experiments.plan import Plan
from logsentry.experiments.ratings import Trial

TEXTS = ["cache error corrected", "core 12 dumped", "tree receiver 3 in sync", "link card power on", "fan 7 at 80"]


def quiet(done: int, total: int, note: str) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = random.Random(5)
    with (tmp_path / "Thunderbird.log").open("w") as file:
        for at in range(6000):
            bad = 500 < at < 560 or (at > 3500 and draw.random() < 0.001)
            text = "VAPI catastrophic failure" if bad else draw.choice(TEXTS)
            file.write(f"{'VAPI' if bad else '-'} {1_131_523_501 + 6 * at} d n Nov 9 00:05:01 n/n kernel: {text}\n")
    return tmp_path


def test_every_kind_of_window_has_a_row(folder: Path, tmp_path: Path, trial: Trial) -> None:
    plan = Plan(tmp_path / "r", seeds=1, data=folder, detectors=("counting",))
    page = windows.run(plan, trial, quiet)
    for said in (
        "| 20 lines |",
        "| 100 lines |",
        "| 200 lines |",
        "| 1 min |",
        "| 5 min |",
        "| 1 h |",
        "## Thunderbird: F1 %",
        "- Thunderbird (original file, 20 million lines). Source",
    ):
        assert said in page
    assert "BGL" not in page
    with (plan.out / "windows" / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["window_by"], row["window_size"]) for row in rows} == {(cut.by, str(cut.size)) for cut in windows.CUTS}
    assert len(rows) == 2 * len(windows.CUTS)
    assert (plan.out / "windows" / "windows.png").stat().st_size > 10_000


def test_a_folder_without_either_file_is_told(tmp_path: Path, trial: Trial) -> None:
    with pytest.raises(InputError, match=r"BGL\.log"):
        windows.run(Plan(tmp_path / "r", data=tmp_path), trial, quiet)
