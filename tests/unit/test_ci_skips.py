"""In CI a skipped test fails the run, unless the machine cannot run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"


FINE = """
import pytest
def test_a(): pass
def test_b(): pytest.skip("no GPU on this machine")
@pytest.mark.soak
def test_c(): assert False
@pytest.mark.xfail(reason="known")
def test_d(): assert False
"""
LAZY = """
import pytest
def test_e(): pytest.skip("too lazy")
@pytest.mark.data
def test_f(): pass
"""
ABSENT = "import pytest\npytest.importorskip('no_such_package')\n"


def run(folder: Path, files: dict[str, str], ci: str, *options: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  soak\n  data\n")
    for name, text in files.items():
        (folder / name).write_text(text)
    environment = {**os.environ, "CI": ci, "LOGSENTRY_DATA": str(folder / "none"), "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, folder],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_the_machine_cannot_run_may_be_skipped(tmp_path: Path) -> None:
    done = run(tmp_path, {"test_fine.py": FINE}, "true")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped, 1 deselected, 1 xfailed" in done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "2", "--dist", "loadfile")], ids=["one process", "two workers"])
def test_every_other_skip_fails_the_run_and_is_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path, {"test_fine.py": FINE, "test_lazy.py": LAZY, "test_absent.py": ABSENT}, "true", *options)
    assert done.returncode == 1, done.stdout
    told = done.stdout.partition("skipped in CI, which only 'no GPU' may be")[2]
    for line in (
        "test_lazy.py::test_e: too lazy",
        "test_lazy.py::test_f: there is no ",
        "test_absent.py: could not import 'no_such_package'",
    ):
        assert line in told
    assert "test_b" not in told


def test_a_developer_may_skip(tmp_path: Path) -> None:
    assert run(tmp_path, {"test_fine.py": FINE, "test_lazy.py": LAZY}, "").returncode == 0
