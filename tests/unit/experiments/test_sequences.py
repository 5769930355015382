"""The experiment `hdfs` from files to page, and `bgl` on a log of a few hundred lines."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from logsentry.errors import UsageError
from logsentry.experiments import hdfs_data, methods, sequences
from logsentry.experiments.plan import Plan
from logsentry.experiments.ratings import Method, Trial

PNG = b"\x89PNG\r\n\x1a\n"


def quiet(done: int, total: int, note: str) -> None:
    pass


@pytest.fixture(scope="module")
def plan(hdfs_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    out = tmp_path_factory.mktemp("results")
    return Plan(out, seeds=2, data=hdfs_files, detectors=("counting", "logbert-ensemble"))


@pytest.fixture(scope="module")
def page(plan: Plan, trial: Trial) -> str:
    """The experiment, run once for the tests that only look at what it wrote."""
    return sequences.hdfs(plan, trial, quiet)


def rows_of(plan: Plan) -> list[dict[str, str]]:
    with (plan.out / "hdfs" / "rows.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_table_a_csv_and_figures(plan: Plan, page: str) -> None:
    folder = plan.out / "hdfs"
    assert (folder / "README.md").read_text() == page
    for name in ("f1.png", "precision-recall.png", "false-alarms.png"):
        assert (folder / name).read_bytes().startswith(PNG)
        assert f"({name})" in page
    rows = rows_of(plan)
    ours = [row for row in rows if row["origin"] == "run here"]
    assert {(row["protocol"], row["share"]) for row in ours} == {
        (protocol, share) for protocol in ("paper", "honest") for share in ("0.001", "0.0025", "0.005", "0.01")
    }
    assert all(0 <= float(row["f1"]) <= float(row["best_possible_f1"]) <= 1 for row in ours)
    assert {row["interval"] for row in ours if row["detector"] == "counting"} == {"bootstrap over distinct windows"}
    theirs = {row["method"]: row["f1"] for row in rows if row["origin"] == "published, not run here"}
    assert (theirs["LogBERT"], theirs["LogBERT ensemble"]) == ("0.8232", "0.8443")


def test_the_page_says_how_and_what_contradicts(page: str) -> None:
    for said in (
        "300 normal training windows (2 distinct), 500 normal and 40 abnormal test windows",
        "Seeds: 1, 2",
        "No threshold has seen a test label.",
        "Nobody has those",
        "95 % percentiles of 1,000 bootstrap samples of distinct",
        "`5 5 22 5 11 9 11 9 11 9 26 26` (",
        "the best counting row is `counting: ",
        "LogBERT — *published, not run here* | 87.02 | 78.10 | 82.32",
        "† | ",
    ):
        assert said in page


def test_the_figures_are_those_of_the_windows(plan: Plan, page: str, hdfs_files: Path) -> None:
    """Every odd session has a pair that training has not, but for those that are equal to normal ones and those that end early."""
    row = next(
        row for row in rows_of(plan) if (row["protocol"], row["share"], row["detector"]) == ("honest", "0.005", "counting")
    )
    lines = (hdfs_files / "hdfs_test_abnormal").read_text().splitlines()
    odd = [line for line in lines if len(line.split()) == 3 or line.startswith("26") or line.endswith("28")]
    assert 0 < len(odd) < len(lines)
    assert float(row["recall"]) == pytest.approx(len(odd) / len(lines))
    assert float(row["precision"]) == 1


def test_a_second_run_asks_nothing_and_says_the_same(plan: Plan, page: str) -> None:
    def never(*question: object) -> None:
        raise AssertionError("this was finished")

    assert sequences.hdfs(plan, never, quiet) == page  # type: ignore[arg-type]


def test_quick_says_so(hdfs_files: Path, tmp_path: Path, trial: Trial) -> None:
    plan = Plan(tmp_path, data=hdfs_files, detectors=("counting",), quick=True)
    page = sequences.hdfs(plan, trial, quiet)
    assert "**A quick look" in page
    assert "Seed: 1." in page
    assert "not both asked for" in page


def test_an_unknown_detector_is_told_before_anything_is_read(tmp_path: Path, trial: Trial) -> None:
    plan = Plan(tmp_path, data=tmp_path / "absent", detectors=("countings",))
    with pytest.raises(UsageError, match=r"no detector 'countings'; it has counting, "):
        sequences.hdfs(plan, trial, quiet)


@pytest.fixture
def bgl_folder(tmp_path: Path) -> Path:
    folder, draw = tmp_path / "bgl", random.Random(3)
    folder.mkdir()
    texts = ["cache error corrected", "core 12 dumped", "tree receiver 3 in sync", "link card power on", "fan 7 at 80"]
    with (folder / "BGL.log").open("w") as file:
        for at in range(4000):
            bad = at > 2500 and draw.random() < 0.002
            text = "data TLB interrupt" if bad else draw.choice(texts)
            file.write(f"{'KERNDTLB' if bad else '-'} {1_117_838_570 + 5 * at} d n t n RAS KERNEL INFO {text}\n")
    return folder


def test_raw_lines(bgl_folder: Path, tmp_path: Path, trial: Trial) -> None:
    page = sequences.bgl(Plan(tmp_path / "r", seeds=1, data=bgl_folder, detectors=("counting",)), trial, quiet)
    assert "windows of 100 lines; 20 normal training windows" in page
    assert "No test window came with both labels." in page
    assert "| LogBERT | 89.40 | 92.32 | 90.83 |" in page
    assert "Warning" not in page


def test_a_dear_method_has_fewer_seeds(hdfs_files: Path, tmp_path: Path, trial: Trial) -> None:
    rows = (Method("counting: all", "counting"), Method("counting: dear", "counting", {"kinds": ["keys"]}, seeds=2))
    plan = Plan(tmp_path / "r", seeds=3)
    page = sequences.compare("few", lambda: hdfs_data.read(hdfs_files), rows, plan, trial, quiet)
    assert "Seeds: 1, 2, 3; means over them. No more than the first 2 for counting: dear." in page
    with (plan.out / "few" / "rows.csv").open() as file:
        assert {(row["method"], row["seeds"]) for row in csv.DictReader(file)} == {
            ("counting: all", "3"),
            ("counting: dear", "2"),
        }


def test_a_row_of_rules_needs_what_the_keys_say(hdfs_files: Path, tmp_path: Path, trial: Trial) -> None:
    rows = (Method("counting: all", "counting"), methods.REGEX)
    said, asked = Plan(tmp_path / "r", seeds=1), Plan(tmp_path / "a", seeds=1, detectors=("regex",))
    assert "regular expressions" not in sequences.compare("few", lambda: hdfs_data.read(hdfs_files), rows, said, trial, quiet)
    assert "regular expressions" in sequences.compare("few", lambda: hdfs_data.read(hdfs_files), rows, asked, trial, quiet)
