"""Finds plugins by their entry points (group `logsentry`), and says who offered what.

One broken plugin never stops the others: each entry point is loaded in its own `try`, the failure is kept with its owner
and traceback for `logsentry plugins list`, and it is fatal only when something asks for that plugin by name. Two plugins
that offer the same kind and name are a `Conflict` that names both. `LOGSENTRY_LOAD_PLUGINS` (names between commas, empty
for none) limits what is loaded.
"""

from __future__ import annotations

import difflib
import os
import re
import time
import traceback
from collections.abc import Iterable
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires
from typing import Any

import msgspec
import pluggy

from logsentry import hookspecs
from logsentry.errors import Conflict, ContractBroken, MissingExtra, UsageError

KINDS = ("inputs", "sources", "tokenizers", "detectors", "exporters", "notifiers", "commands")


class Offer(msgspec.Struct, frozen=True):
    """One thing that one plugin offers; `target` is a class or `"package.module:Class"`."""

    kind: str
    name: str
    target: Any
    plugin: str
    distribution: str

    def load(self) -> Any:
        """The class itself, imported now if it was given as text; raises `ContractBroken` where that fails in any way."""
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except Exception as error:  # the boundary: a plugin's module may fail in any way while it is imported
            if isinstance(error, ModuleNotFoundError) and (extra := self._extra_with(error.name or "")):
                raise MissingExtra(f"{self.name!r} needs {error.name}: pip install '{extra}'") from error
            raise ContractBroken(
                f"{self.kind} {self.name!r} of {self.distribution} cannot be imported from {self.target}: {error}"
            ) from error

    def _extra_with(self, module: str) -> str:
        """`logsentry[train]` where that extra of the plugin's distribution brings the module, else nothing."""
        name = self.distribution.split(" ")[0]
        try:
            requirements = requires(name) or []
        except PackageNotFoundError:  # an entry point that no installed distribution owns
            return ""
        for requirement in requirements:
            found = re.match(r"([\w-]+).*extra == ['\"]([\w-]+)", requirement)
            if found and found[1] == module.split(".")[0]:
                return f"{name}[{found[2]}]"
        return ""


class Plugin(msgspec.Struct, frozen=True):
    """One entry point, loaded or not; `failure` is a traceback, or empty."""

    name: str
    distribution: str
    milliseconds: float
    failure: str = ""


class Registry:
    """What every loaded plugin offers, by kind and name."""

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self._offers: dict[tuple[str, str], Offer] = {}
        self._conflicts: dict[tuple[str, str], str] = {}

    def add(self, entry: EntryPoint) -> None:
        """Load one entry point and take what it registers; all of it, or none of it where it fails."""
        owner = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
        began = time.perf_counter()
        failure, offers = "", []
        try:
            offers = _offers_of(entry, owner)
        except (Exception, SystemExit):  # noqa: BLE001 - the boundary: a plugin may fail in any way while it is imported
            failure = traceback.format_exc()
        self.plugins.append(Plugin(entry.name, owner, (time.perf_counter() - began) * 1000, failure))
        for offer in offers:
            self._take(offer)

    def _take(self, offer: Offer) -> None:
        key = (offer.kind, offer.name)
        if (first := self._offers.get(key)) is not None:
            self._conflicts[key] = (
                f"{offer.kind} {offer.name!r} is offered by both {first.distribution} ({first.plugin}) "
                f"and {offer.distribution} ({offer.plugin}); uninstall one, or name the wanted plugins in LOGSENTRY_LOAD_PLUGINS"
            )
        self._offers.setdefault(key, offer)

    def offers(self, kind: str | None = None) -> list[Offer]:
        return [offer for (its_kind, _), offer in sorted(self._offers.items()) if kind in (None, its_kind)]

    @property
    def conflicts(self) -> list[str]:
        return list(self._conflicts.values())

    def get(self, kind: str, name: str) -> Any:
        """The class that is registered under this name.

        Raises `UsageError` for an unknown name, `Conflict` where two plugins offer it, and `ContractBroken` where its
        plugin failed to load.
        """
        if (kind, name) in self._conflicts:
            raise Conflict(self._conflicts[kind, name])
        offer = self._offers.get((kind, name))
        if offer is None:
            raise self._unknown(kind, name)
        return offer.load()

    def _unknown(self, kind: str, name: str) -> UsageError | ContractBroken:
        singular = kind.removesuffix("s")
        for plugin in self.plugins:
            if plugin.failure and plugin.name == name:
                last = plugin.failure.strip().splitlines()[-1]
                return ContractBroken(f"the plugin {name!r} of {plugin.distribution} failed to load: {last}")
        known = [offer.name for offer in self.offers(kind)]
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
        return UsageError(f"there is no {singular} {name!r}; {hint}")


def _offers_of(entry: EntryPoint, owner: str) -> list[Offer]:
    manager = pluggy.PluginManager("logsentry")
    manager.add_hookspecs(hookspecs)
    manager.register(entry.load(), name=entry.name)
    manager.check_pending()  # a misspelt hook is an error here, not a plugin that does nothing
    offers: list[Offer] = []
    for kind in KINDS:
        getattr(manager.hook, f"register_{kind}")(register=partial(_offer, offers, kind, entry.name, owner))
    return offers


def _offer(offers: list[Offer], kind: str, plugin: str, owner: str, name: str, target: Any) -> None:
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ValueError(f"{kind} name {name!r} must be ASCII letters, digits, '-' and '_'")
    offers.append(Offer(kind, name, target, plugin, owner))


def load(found: Iterable[EntryPoint] | None = None, limit: str | None = None) -> Registry:
    """A registry of the entry points given, or of all that are installed; `limit` as in `LOGSENTRY_LOAD_PLUGINS`."""
    limit = os.environ.get("LOGSENTRY_LOAD_PLUGINS") if limit is None else limit
    wanted = None if limit is None else {name.strip() for name in limit.split(",") if name.strip()}
    registry = Registry()
    for entry in sorted(found if found is not None else entry_points(group="logsentry"), key=lambda e: e.name):
        if wanted is None or entry.name in wanted:
            registry.add(entry)
    return registry


@cache
def installed() -> Registry:
    """The registry of this process, loaded at the first call."""
    return load()
