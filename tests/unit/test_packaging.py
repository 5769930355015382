"""What is shipped: one wheel with all its data and nothing beside it, and locks that fit what is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED = {
    "base": PROJECT["dependencies"],
    "train": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["train"],
    "dev": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["train"] + PROJECT["optional-dependencies"]["dev"],
    "build": (ROOT / "requirements" / "build.in").read_text().split(),
}


def shipped(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "logsentry").rglob("*") if shipped(path)}
    for top in ("plugins", "exporters"):
        wanted |= {str(path.relative_to(ROOT / top)) for path in (ROOT / top).glob("*/**/*") if shipped(path)}
    assert held == wanted
    assert {"logsentry/py.typed", "logsentry/schema/ecs_fields.json", "logsentry/reports/page.html.j2"} <= held


def locked(name: str) -> dict[str, list[tuple[str, str]]]:
    """{package: [(version, marker)]} of a lock; each with a hash."""
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements" / f"{name}.lock").read_text()):
        if match := re.match(r"([\w.-]+)==(\S+)(?: ; (.*?))? \\\n", entry):
            assert "--hash=sha256:" in entry, f"{match[1]} in {name}.lock has no hash"
            found.setdefault(match[1].lower(), []).append((match[2], match[3] or ""))
    return found


@pytest.mark.parametrize("name", ASKED)
def test_a_lock_meets_what_is_asked_for(name: str) -> None:
    pins = locked(name)
    for asked in map(Requirement, ASKED[name]):
        versions = pins.get(asked.name.lower(), [])
        assert versions, f"{asked.name} is not in {name}.lock; run `make lock`"
        assert all(asked.specifier.contains(version) for version, _ in versions), f"{asked} in {name}.lock; run `make lock`"


@pytest.mark.parametrize(("smaller", "larger"), [("base", "train"), ("train", "dev")])
def test_a_larger_lock_has_the_same_versions(smaller: str, larger: str) -> None:
    more = locked(larger)
    assert {name: pins for name, pins in locked(smaller).items() if more.get(name) != pins} == {}


def test_one_machine_gets_one_onnxruntime() -> None:
    for name in ("base", "dev"):
        ((_, elsewhere),) = locked(name)["onnxruntime"]
        ((_, linux),) = locked(name)["onnxruntime-gpu"]
        assert (linux, elsewhere) == (
            "platform_machine == 'x86_64' and sys_platform == 'linux'",
            "platform_machine != 'x86_64' or sys_platform != 'linux'",
        )
