"""Loading plugins: one broken plugin stops nobody, and a name belongs to one distribution."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from logsentry.errors import Conflict, ContractBroken, UsageError
from logsentry.registry import load

Write = Callable[[str, str], EntryPoint]

OFFERS_A_SOURCE = """
    from logsentry.hookspecs import hookimpl

    class Here:
        pass

    @hookimpl
    def register_sources(register):
        register("web", Here)
        register("lazy", "plug_never_imported:Thing")
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A function that writes a plugin's module and answers its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = []

    def written(name: str, code: str) -> EntryPoint:
        (tmp_path / f"plug_{name}.py").write_text(dedent(code))
        names.append(f"plug_{name}")
        return EntryPoint(name=name, value=f"plug_{name}", group="logsentry")

    yield written
    for name in names:
        sys.modules.pop(name, None)


def test_what_is_registered_is_found_and_text_is_imported_only_when_asked_for(write: Write) -> None:
    registry = load([write("good", OFFERS_A_SOURCE)])
    assert registry.get("sources", "web").__name__ == "Here"
    assert [(offer.kind, offer.name, offer.plugin) for offer in registry.offers()] == [
        ("sources", "lazy", "good"),
        ("sources", "web", "good"),
    ]
    assert registry.offers("inputs") == []
    assert registry.plugins[0].failure == ""
    assert registry.plugins[0].milliseconds > 0
    with pytest.raises(ContractBroken, match="sources 'lazy' of an unknown distribution cannot be imported from plug_never"):
        registry.get("sources", "lazy")


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        (OFFERS_A_SOURCE.replace("register_sources", "register_source"), "unknown hook 'register_source' in plugin"),
        (OFFERS_A_SOURCE.replace('"lazy"', '"../lazy"'), "ValueError: sources name '../lazy' must be ASCII letters"),
        (OFFERS_A_SOURCE.replace('"lazy"', "5"), "ValueError: sources name 5 must be ASCII letters"),
    ],
)
def test_a_plugin_that_fails_is_kept_with_its_traceback_and_stops_nobody(write: Write, code: str, last: str) -> None:
    registry = load([write("bad", code), write("good", OFFERS_A_SOURCE)])
    failures = {plugin.name: plugin.failure for plugin in registry.plugins}
    assert last in failures["bad"].strip().splitlines()[-1]
    assert failures["good"] == ""
    assert {offer.plugin for offer in registry.offers()} == {"good"}
    with pytest.raises(ContractBroken, match="the plugin 'bad' of an unknown distribution failed to load"):
        registry.get("sources", "bad")


def test_a_name_that_two_plugins_offer_is_a_conflict_and_the_others_work(write: Write) -> None:
    twin = OFFERS_A_SOURCE.replace('register("lazy"', 'register("own"')
    registry = load([write("one", OFFERS_A_SOURCE), write("two", twin)])
    (sentence,) = registry.conflicts
    assert "sources 'web' is offered by both" in sentence
    assert "(one)" in sentence
    assert "(two)" in sentence
    with pytest.raises(Conflict, match="offered by both"):
        registry.get("sources", "web")
    assert {offer.name for offer in registry.offers("sources")} == {"lazy", "own", "web"}


def test_an_unknown_name_is_answered_with_the_nearest(write: Write) -> None:
    registry = load([write("good", OFFERS_A_SOURCE)])
    with pytest.raises(UsageError, match=r"there is no source 'wep'; did you mean 'web'\?"):
        registry.get("sources", "wep")
    with pytest.raises(UsageError, match="there is no source 'xyzzy'; known: lazy, web"):
        registry.get("sources", "xyzzy")
    with pytest.raises(UsageError, match="there is no input 'files'; known: none"):
        registry.get("inputs", "files")


@pytest.mark.parametrize(
    ("limit", "loaded"), [("", []), ("one", ["one"]), (" two , one,none ", ["one", "two"]), (None, ["one", "two"])]
)
def test_the_variable_limits_what_is_loaded(
    write: Write, monkeypatch: pytest.MonkeyPatch, limit: str | None, loaded: list[str]
) -> None:
    monkeypatch.delenv("LOGSENTRY_LOAD_PLUGINS", raising=False)
    if limit is not None:
        monkeypatch.setenv("LOGSENTRY_LOAD_PLUGINS", limit)
    registry = load([write("one", OFFERS_A_SOURCE), write("two", "")])
    assert [plugin.name for plugin in registry.plugins] == loaded
