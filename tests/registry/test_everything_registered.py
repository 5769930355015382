"""One test over everything that is registered: a new plugin is covered by being offered."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from logsentry import registry, sdk
from logsentry.registry import KINDS, Offer

ROOT = Path(__file__).parents[2]
OFFERS = [offer for offer in registry.installed().offers() if offer.distribution.startswith("logsentry ")]
PROTOCOLS = {"inputs": sdk.Input, "sources": sdk.Source, "detectors": sdk.Detector, "exporters": sdk.Exporter}

each = pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: f"{offer.kind}.{offer.name}")
each_configured = pytest.mark.parametrize(
    "offer", [offer for offer in OFFERS if offer.kind in PROTOCOLS], ids=lambda offer: f"{offer.kind}.{offer.name}"
)


def test_something_is_registered_and_nothing_failed() -> None:
    assert {offer.kind for offer in OFFERS} >= {"inputs", "sources", "detectors", "exporters"}
    assert [plugin.failure for plugin in registry.installed().plugins if plugin.failure] == []
    assert registry.installed().conflicts == []


def test_folders_and_entry_points_are_the_same() -> None:
    """A new entry point is known only after `pip install`; the stamp of the environment depends on pyproject.toml for that."""
    folders = {
        folder.name for top in ("plugins", "exporters") for folder in (ROOT / top).iterdir() if (folder / "__init__.py").exists()
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["entry-points"]["logsentry"]
    installed = {e.name: e.value for e in entry_points(group="logsentry") if e.dist is not None and e.dist.name == "logsentry"}
    assert installed == declared, "run `pip install --no-deps -e .` again"
    assert set(declared.values()) - {"logsentry.builtin"} == folders


@each
def test_it_loads_and_says_what_it_is(offer: Offer) -> None:
    target = offer.load()
    assert offer.kind in KINDS
    assert (target.help if isinstance(target, click.Command) else target.__doc__ or "").strip()


@each
def test_its_name_is_its_folders_name(offer: Offer) -> None:
    """Or begins with it; an input whose exporter has the name already is `NAME-input`, and a command may be shorter."""
    same = offer.plugin in (offer.name, f"{offer.name}-{offer.kind.removesuffix('s')}", "builtin")
    shorter = offer.kind == "commands" and offer.plugin.startswith(offer.name)
    assert same or shorter or offer.name.startswith(f"{offer.plugin}-")
    if offer.plugin != "builtin":
        module = offer.target.partition(":")[0] if isinstance(offer.target, str) else offer.target.__module__
        assert module.split(".")[0] == f"logsentry_{offer.plugin.replace('-', '_')}"


@each
def test_it_is_imported_only_when_asked_for(offer: Offer) -> None:
    assert isinstance(offer.target, str), "give the target as 'package.module:Class', so that start-up does not import it"


@each_configured
def test_it_has_what_its_protocol_asks_for(offer: Offer) -> None:
    target = offer.load()
    protocol = PROTOCOLS[offer.kind]
    asked = {name for name in (*vars(protocol), *protocol.__annotations__) if not name.startswith("_")}
    assert [name for name in asked if not hasattr(target, name)] == []
    if offer.kind == "sources":
        assert target.name == offer.name


@each_configured
def test_every_option_is_frozen_and_documented(offer: Offer) -> None:
    config: Any = offer.load().Config
    assert issubclass(config, msgspec.Struct)
    assert config.__struct_config__.frozen
    described = {f.encode_name for f in msgspec.structs.fields(config) if "description" in _extra(f.type)}
    told = [kind.__doc__ or "" for kind in config.__mro__ if issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct]
    named = set(re.findall(r"`(\w+)`", "".join(told)))
    options = {field.encode_name for field in msgspec.structs.fields(config)}
    assert options - described - named == set(), "say in the docstring (`name`) or with Meta(description=…) what each is for"


def _extra(kind: Any) -> dict[str, Any]:
    info = msgspec.inspect.type_info(kind)
    return (info.extra_json_schema or {}) if isinstance(info, msgspec.inspect.Metadata) else {}


@each_configured
def test_its_options_have_a_json_schema(offer: Offer) -> None:
    schema = msgspec.json.schema(offer.load().Config, schema_hook=lambda kind: {"type": "string"})
    assert schema["$defs"]
