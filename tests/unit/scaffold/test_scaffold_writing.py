"""A new plugin: written whole, passes its tests as it is, installs and is found; or a sentence that says why not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from logsentry.cli import main
from logsentry.errors import UsageError
from logsentry.scaffold.writing import KINDS, write_plugin


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "plugin"
    write_plugin("dns-cap", "source", folder)
    return folder


def test_there_are_a_project_a_module_a_test_and_a_sample(written: Path) -> None:
    files = {str(path.relative_to(written)) for path in written.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert files >= {
        "pyproject.toml", "logsentry_dns_cap/__init__.py", "logsentry_dns_cap/sample.log", "tests/test_dns_cap.py",
    }  # fmt: skip
    assert "$" not in (written / "logsentry_dns_cap/__init__.py").read_text()


def test_the_test_inherits_the_contract_in_three_lines(written: Path) -> None:
    tree = ast.parse((written / "tests/test_dns_cap.py").read_text())
    (klass,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert (klass.end_lineno or 0) - klass.lineno + 1 == 3


def test_its_tests_pass_as_written(written: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=written, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_it_is_as_tidy_as_the_house(written: Path) -> None:
    """The same linter and type checker as here, where they are installed."""
    for tool in (["ruff", "check", "--isolated", "--line-length", "140"], ["mypy", "--strict", "--cache-dir", os.devnull]):
        if Path(sys.executable).with_name(tool[0]).exists():
            done = subprocess.run([sys.executable, "-m", *tool, "logsentry_dns_cap"], cwd=written, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("http-access", "there is a source 'http-access' already"),
        ("Dns", "is no name for a plugin"), ("9p", "is no name for a plugin"), ("a--b", "is no name"), ("../x", "is no name"),
        ("none", "cannot be a class"), ("", "is no name"),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_one_is_refused(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=why):
        write_plugin(name, "source", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    for folder in (tmp_path, tmp_path / "mine"):
        with pytest.raises(UsageError, match="is there already"):
            write_plugin("dns-cap", "source", folder)
    assert (tmp_path / "mine").read_text() == "kept"


def test_the_command_tells_each_file(tmp_path: Path) -> None:
    done = CliRunner().invoke(main.root, ["plugins", "new", "dns-cap", "--kind", KINDS[0], "--out", str(tmp_path / "p")])
    assert done.exit_code == 0
    assert sorted(done.stdout.splitlines()) == sorted(str(path) for path in (tmp_path / "p").rglob("*") if path.is_file())


def test_the_command_refuses_with_a_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(main.root, ["plugins", "new", "Dns", "--out", str(tmp_path / "p")])
    assert (done.exit_code, done.stderr) == (
        2, "logsentry: 'Dns' is no name for a plugin; use small letters, digits and single hyphens, such as dns-tap\n",
    )  # fmt: skip
