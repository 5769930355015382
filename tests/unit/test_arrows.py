"""Who may import whom: one direction, heavy packages at home, and nothing heavy where a user waits."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS = [
    {"schema", "errors", "py"},
    {"sdk", "hookspecs", "registry", "config", "builtin"},
    {"stages", "text", "store", "testing"},
    {"scoring", "learn", "baselines"},
    {"scaffold", "pipeline", "server", "alerts", "experiments", "reports", "demo"},
    {"cli"},
    {"__main__"},
]
APART = LAYERS[3]
"""These three never import each other: a bundle on disk is all that passes between them."""

HOMES = {"torch": "learn", "onnxruntime": "scoring", "sklearn": "baselines"}
"""Package -> the only part of logsentry that imports it."""


SHARED = {("logsentry_elasticsearch_input", "logsentry_elasticsearch")}
"""(plugin, another that it may import): they reach one cluster in one way."""


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """(module, line) of every import in a file, at any depth of the code."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: a relative import"
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{name.name}", node.lineno) for name in node.names)


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def part_of(module: str) -> str | None:
    """`logsentry.scoring.session` -> `scoring`; None for other packages and for the package itself."""
    steps = module.split(".")
    return steps[1] if steps[0] == "logsentry" and len(steps) > 1 and steps[1] != "__version__" else None


def rank(part: str) -> int:
    found = [index for index, layer in enumerate(LAYERS) if part in layer]
    assert found, f"logsentry.{part} has no place in LAYERS yet; give it one"
    return found[0]


def id_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", [file for file in modules("logsentry") if file != ROOT / "logsentry/__init__.py"], ids=id_of)
def test_arrows_inside_the_package_point_one_way(file: Path) -> None:
    own = file.relative_to(ROOT / "logsentry").parts[0].removesuffix(".py")
    for module, line in imports(file):
        other = part_of(module)
        if other is not None and other != own:
            assert rank(other) <= rank(own), f"{id_of(file)}:{line} imports {module}, against the arrows"
            assert not {own, other} <= APART, f"{id_of(file)}:{line}: {own} and {other} never import each other"


@pytest.mark.parametrize("file", modules("plugins") + modules("exporters"), ids=id_of)
def test_plugins_know_the_sdk_alone(file: Path) -> None:
    own = file.relative_to(ROOT).parts[1]
    allowed = {"sdk", "testing"} if "tests" in file.parts else {"sdk"}
    for module, line in imports(file):
        top = module.split(".")[0]
        if top.startswith("logsentry_"):
            assert top == own or (own, top) in SHARED, f"{id_of(file)}:{line}: a plugin imports another, {module}"
        elif top == "logsentry":
            assert part_of(module) in allowed, f"{id_of(file)}:{line} imports {module}; a plugin imports logsentry.sdk only"


@pytest.mark.parametrize("folder", ["logsentry", "plugins", "exporters"])
def test_torch_and_onnxruntime_stay_at_home(folder: str) -> None:
    for file in modules(folder):
        own = file.relative_to(ROOT / folder).parts[0]
        for module, line in imports(file):
            home = HOMES.get(module.split(".")[0])
            assert home is None or (folder, home) == ("logsentry", own), f"{id_of(file)}:{line} imports {module}"


def loaded_after(code: str) -> set[str]:
    """Top-level packages in `sys.modules` of a process that ran the code."""
    tail = "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_nothing_heavy() -> None:
    loaded = loaded_after("from logsentry.cli.main import root; root.main(['--help'], standalone_mode=False)")
    assert "logsentry" in loaded
    assert loaded.isdisjoint({"torch", "numpy", "onnxruntime", "elasticsearch", "duckdb", "rich", "jinja2", "drain3", "yaml"})


def test_everything_but_training_loads_without_torch() -> None:
    """All parts that score, in one process: what they import when they are imported leaves torch out."""
    served = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in modules("logsentry")
        if file.relative_to(ROOT).parts[1] not in {"learn", "baselines", "experiments", "testing", "__main__.py"}
    ]
    loaded = loaded_after("".join(f"import {module}\n" for module in served))
    assert "onnxruntime" in loaded
    assert loaded.isdisjoint({"torch", "sklearn", "pickle5", "joblib"})


def test_scoring_runs_without_torch(tmp_path: Path) -> None:
    """The demo scores real lines with a bundle; had any step needed torch, it would be in `sys.modules` afterwards."""
    loaded = loaded_after(
        "import sys; sys.modules['torch'] = None\n"  # importing it now fails, as where it is not installed
        "from logsentry.cli.main import root\n"
        f"assert not root.main(['--quiet', 'demo', '--out', {str(tmp_path)!r}], standalone_mode=False)\n"
        "del sys.modules['torch']"
    )
    assert "onnxruntime" in loaded
    assert "torch" not in loaded
    assert any(tmp_path.iterdir())
