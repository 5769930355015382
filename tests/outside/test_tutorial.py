"""`docs/writing-a-source.md`, run from start to end: its files are written, its commands typed, its output compared.

A block of `text` or `python` with a path behind the word is a file, written into the folder where the reader stands by then. In
a block of `console` each line after `$ ` is a command, and what follows is its output; `…` stands for anything, and a line of it
alone for any number of lines.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec

PAGE = Path(__file__).parents[2] / "docs" / "writing-a-source.md"
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(msgspec.Struct):
    """A file to write (`file` and `text`), or a command with the output that the page shows."""

    file: str = ""
    text: str = ""
    command: str = ""
    shown: str = ""


def steps_of(page: str) -> list[Step]:
    steps: list[Step] = []
    for language, file, text in _BLOCK.findall(page):
        if file:
            steps.append(Step(file=file, text=text))
        elif language == "console":
            for typed in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, shown = typed.partition("\n")
                steps.append(Step(command=command, shown=shown))
    return steps


def run(steps: list[Step], folder: Path) -> list[tuple[int, str]]:
    """(exit code, output) of each command, all typed into one shell, which keeps its folder and variables."""
    lines = ["set -u"]
    for number, step in enumerate(steps):
        if step.file:
            (folder / f"step-{number}").write_text(step.text, encoding="utf-8")
            lines.append(f"cp {shlex.quote(str(folder / f'step-{number}'))} {shlex.quote(step.file)} || exit 99")
        else:
            lines.append(
                f"{{ {step.command}\n}} > {shlex.quote(str(folder / f'out-{number}'))} 2>&1; echo $? > '{folder}/code-{number}'"
            )
    place = folder / "reader"
    place.mkdir()
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHONPATH", "CI"))}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    shell = subprocess.run(
        ["bash"], input="\n".join(lines), text=True, cwd=place, env=own | {"PATH": path}, timeout=240, check=False
    )
    assert shell.returncode != 99, "a file of the page belongs into a folder that is not there"
    numbers = [number for number, step in enumerate(steps) if step.command]
    return [(int((folder / f"code-{n}").read_text()), (folder / f"out-{n}").read_text(encoding="utf-8")) for n in numbers]


def pattern_of(shown: str) -> re.Pattern[str]:
    """The output that the page shows, as a pattern."""
    parts = [
        r"(?:.*\n)*?"
        if line == "…"
        else ".*".join(map(re.escape, line.rstrip().split("…"))).replace(r"\ .*", ".*") + r"[^\S\n]*\n"
        for line in shown.splitlines()
    ]
    return re.compile(r"(?:.*\n)*?" + "".join(parts) + r"(?:.*\n)*")


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    steps = steps_of(PAGE.read_text(encoding="utf-8"))
    commands = [step for step in steps if step.command]
    assert len(commands) >= 10
    assert sum(bool(step.file) for step in steps) == 4
    for step, (code, output) in zip(commands, run(steps, tmp_path), strict=True):
        assert code == 0, f"$ {step.command}\nended with {code}:\n{output}"
        assert pattern_of(step.shown).fullmatch(output), f"$ {step.command}\nshows\n{step.shown}\nbut says\n{output}"


def test_what_it_installs_is_what_it_shows(tmp_path: Path) -> None:
    """The last file of each name is the one a reader ends with; none of them may be left as the scaffold wrote it."""
    files = {step.file for step in steps_of(PAGE.read_text(encoding="utf-8")) if step.file}
    assert files == {"logsentry_dnsmasq/sample.log", "logsentry_dnsmasq/__init__.py", "tests/test_dnsmasq.py", "ordinary.py"}


def test_patterns_of_output_are_not_too_kind() -> None:
    assert pattern_of("13 passed …\n").fullmatch(".... [100%]\n13 passed in 1.0s\n")
    assert not pattern_of("13 passed …\n").fullmatch("1 failed, 12 passed in 1.0s\n")
    assert not pattern_of("a\nc\n").fullmatch("a\nb\nc\n")
    assert pattern_of("a\n…\nc\n").fullmatch("a\nb\nc\n")
