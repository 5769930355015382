"""`docs/elasticsearch.md`, from an index of raw lines to the alert: its files written, its commands typed, its output compared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from outside.test_tutorial import Step, pattern_of, run, steps_of

from logsentry.cli.main import COMMANDS, Commands

PAGE = (Path(__file__).parents[2] / "docs" / "elasticsearch.md").read_text(encoding="utf-8")
STEPS = steps_of(PAGE)


@pytest.fixture
def own(elasticsearch: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Names that no other test uses, for the variables that the page asks its reader to set."""
    name = "h8_" + uuid4().hex[:12]
    for variable, value in (("ES", elasticsearch), ("WEBLOGS", f"{name}-weblogs"), ("NAMESPACE", name)):
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("LOGSENTRY_STORE", raising=False)
    return name


def test_the_page_does_what_it_says(own: str, tmp_path: Path) -> None:
    commands = [step for step in STEPS if step.command]
    for step, (code, output) in zip(commands, run(STEPS, tmp_path), strict=True):
        said = output if output.endswith("\n") else output + "\n"  # curl ends none
        assert code == 0, f"$ {step.command}\nended with {code}:\n{said}"
        assert pattern_of(step.shown).fullmatch(said), f"$ {step.command}\nshows\n{step.shown}\nbut says\n{said}"
    ten = [json.loads(line) for line in (tmp_path / "reader" / "ten.ndjson").read_text().splitlines()]
    assert all(document["logsentry"]["source"]["index"] for document in ten)


def test_the_page_leads_all_the_way() -> None:
    typed = [step.command for step in STEPS if step.command]
    order = ["_bulk", "elastic setup", "enrich enrich.yaml --dry-run", "enrich enrich.yaml", "_search?q="]
    places = [next(number for number, command in enumerate(typed) if part in command) for part in order]
    assert places == sorted(places)
    assert {step.file for step in STEPS if step.file} == {"to_bulk.py", "to_lines.py", "enrich.yaml"}


def test_every_command_and_option_that_it_names_is_there() -> None:
    group = Commands()
    for words in re.findall(r"`logsentry ([^`]+)`|^\$ logsentry (.+)$", PAGE, flags=re.MULTILINE):
        name, *rest = (words[0] or words[1]).split()
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None, f"there is no command {name}, which is not among {sorted(COMMANDS)}"
        inner = getattr(command, "commands", {})
        command = inner.get(rest[0], command) if inner and rest else command
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, words


def test_every_file_that_it_copies_or_links_to_is_there() -> None:
    root = Path(__file__).parents[2]
    named = re.findall(r"\bpackaging/[\w@.*/-]+", PAGE)
    assert len(named) >= 2
    assert all(list(root.glob(name)) for name in named)
    assert all((root / "docs" / link).exists() for link in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE))


def test_steps_are_taken_out_of_a_page() -> None:
    assert steps_of("```console\n$ a\nb\n```\n") == [Step(command="a", shown="b\n")]
