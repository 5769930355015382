"""`logsentry plugins list`, over what is really installed. Broken and foreign plugins are in tests/outside."""

from __future__ import annotations

import json
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

from logsentry import __version__, registry
from logsentry.cli import main
from logsentry.cli.plugins import hidden, rows, table
from logsentry.registry import Offer, Plugin, Registry

FAILURE = "Traceback (most recent call last):\n  File x\nValueError: no\n"


def listed(*options: str) -> str:
    done = CliRunner().invoke(main.root, ["plugins", "list", *options])
    assert done.exit_code == 0
    return done.stdout


def test_json_names_every_entry_point_with_its_distribution() -> None:
    answer = json.loads(listed("--json"))
    assert {plugin["name"] for plugin in answer["plugins"]} == {entry.name for entry in entry_points(group="logsentry")}
    files = next(plugin for plugin in answer["plugins"] if plugin["name"] == "files")
    assert (files["distribution"], files["version"], files["failure"], files["traceback"]) == ("logsentry", __version__, "", "")
    assert files["offers"] == [{"kind": "inputs", "name": "files", "target": "logsentry_files.input:Files"}]
    assert files["milliseconds"] > 0


def test_the_table_has_a_line_for_each_offer() -> None:
    lines = [line.split() for line in listed().splitlines()]
    assert lines[0] == ["PLUGIN", "KIND", "OFFERS", "DISTRIBUTION", "VERSION", "LOAD"]
    assert ["http-access", "sources", "http-access", "logsentry", __version__] in [line[:5] for line in lines]


@pytest.fixture
def filled() -> Registry:
    made = Registry()
    made.plugins += [Plugin("good", "some-dist 1.0", 1.25), Plugin("bad", "other 2", 0.1, FAILURE)]
    made._take(Offer("commands", "score", object, "good", "some-dist 1.0"))
    made._take(Offer("sources", "web", object, "good", "some-dist 1.0"))
    made._take(Offer("sources", "web", object, "late", "third 3"))
    return made


def test_failures_and_conflicts_follow_the_table(filled: Registry) -> None:
    text = table(rows(filled), filled.conflicts, tracebacks=False)
    assert "bad     -         FAILED  other         2        0.1 ms" in text
    assert "bad of other 2 failed to load: ValueError: no" in text
    assert "Traceback" not in text
    assert "conflict: sources 'web' is offered by both some-dist 1.0 (good) and third 3 (late)" in text
    assert FAILURE.rstrip() in table(rows(filled), [], tracebacks=True)


def test_a_command_that_ours_hides_is_told(filled: Registry) -> None:
    assert hidden(filled) == ["the command 'score' of some-dist 1.0 is hidden by the built-in one of that name"]


def test_nothing_installed_is_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "installed", Registry)
    assert json.loads(listed("--json")) == {"plugins": [], "conflicts": []}
    assert listed().split() == ["PLUGIN", "KIND", "OFFERS", "DISTRIBUTION", "VERSION", "LOAD"]
