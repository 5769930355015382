"""What `logsentry doctor` looks at: one function a subject, each answering findings and raising nothing on a sick machine."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from logsentry.cli import providers
from logsentry.errors import LogsentryError
from logsentry.registry import Registry, installed

_GIB = 1 << 30


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor: `skip` says that there was nothing to check; `todo` is what to do about it."""

    state: Literal["ok", "warn", "fail", "skip"]
    what: str
    todo: str = ""


def everything(store: Path) -> Iterator[Finding]:
    """All findings, the quick ones first."""
    yield python()
    yield from packages()
    yield torch()
    yield disk(store)
    yield from plugins(installed())
    yield from execution_providers()
    yield probe(Path(str(files("logsentry"))) / "demo")


def python() -> Finding:
    asked, here = metadata("logsentry")["Requires-Python"], platform.python_version()
    if SpecifierSet(asked).contains(here, prereleases=True):
        return Finding("ok", f"Python {here}")
    return Finding("fail", f"Python {here}, and {asked} is needed", "install a newer Python and make the environment again")


def packages() -> Iterator[Finding]:
    """Each package that the installation without extras asks for on this machine."""
    for text in requires("logsentry") or []:
        asked = Requirement(text)
        if asked.marker is None or asked.marker.evaluate({"extra": ""}):
            yield package(asked)
    if _version("onnxruntime") and _version("onnxruntime-gpu"):
        yield Finding(
            "fail",
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files",
            "pip uninstall onnxruntime onnxruntime-gpu, then install logsentry again",
        )


def package(asked: Requirement) -> Finding:
    """Whether one requirement is met."""
    here = _version(asked.name)
    if here is None:
        return Finding("fail", f"{asked.name} is not installed", f"pip install '{asked.name}{asked.specifier}'")
    if not asked.specifier.contains(here, prereleases=True):
        return Finding(
            "fail", f"{asked.name} {here}, and {asked.specifier} is needed", f"pip install '{asked.name}{asked.specifier}'"
        )
    return Finding("ok", f"{asked.name} {here}")


def torch() -> Finding:
    here = _version("torch")
    if here is None:
        return Finding(
            "ok",
            "torch is not installed; scoring and `train --detector counting` do without",
            "for the others: pip install 'logsentry[train]'",
        )
    return Finding("ok", f"torch {here}, for training only")


def disk(store: Path) -> Finding:
    """Free space where the store is, or where it would be made."""
    place = next(folder for folder in (store.absolute(), *store.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    what = f"{free / _GIB:,.1f} GiB free at {place}"
    if not os.access(place, os.W_OK):
        return Finding("warn", f"{place} cannot be written by this user", "choose another --store, or change its rights")
    if free < _GIB:
        return Finding("fail" if free < _GIB // 8 else "warn", what, "make room, or choose another --store")
    return Finding("ok", what)


def plugins(registry: Registry) -> Iterator[Finding]:
    """Plugins that failed, conflicts, and offers that cannot be imported (detectors need torch, so they are left out)."""
    for plugin in registry.plugins:
        if plugin.failure:
            last = plugin.failure.strip().splitlines()[-1]
            yield Finding(
                "warn",
                f"the plugin {plugin.name!r} of {plugin.distribution} failed to load: {last}",
                "see `logsentry plugins list --tracebacks`; update or uninstall it",
            )
    for sentence in registry.conflicts:
        yield Finding("warn", sentence)
    usable = 0
    for offer in (offer for kind in ("inputs", "sources", "exporters", "commands") for offer in registry.offers(kind)):
        try:
            offer.load()
            usable += 1
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the boundary: a plugin may fail in any way while it is imported
            owned = isinstance(error, LogsentryError)  # then the text already says whose it is
            what = str(error) if owned else f"{offer.kind} {offer.name!r} of {offer.distribution} cannot be imported: {error!r}"
            yield Finding("warn", what, "update or uninstall that distribution")
    yield Finding("ok", f"{len(registry.plugins)} plugins, {usable} of their inputs, sources, exporters and commands can be used")


def execution_providers() -> Iterator[Finding]:
    for name, reason in providers.tried().items():
        if not reason:
            yield Finding("ok", f"onnxruntime runs on {name}")
        elif name == "cpu":
            yield Finding("fail", reason, "install logsentry again in a fresh environment")
        elif Path("/dev/nvidiactl").exists() and name == "tensorrt":
            yield Finding("ok", f"TensorRT, which nothing needs, does not run: {reason}")
        elif Path("/dev/nvidiactl").exists():
            yield Finding(
                "warn", f"there is a GPU, but {name} does not run: {reason}", "install the CUDA and cuDNN that it names"
            )
        else:
            yield Finding("ok", f"no GPU here, so {name} is not used")


def probe(demo: Path) -> Finding:
    """The demo bundle's probe, replayed on this machine's processor."""
    found = sorted(demo.rglob("manifest.json"))
    if not found:
        return Finding("skip", "no demo bundle in this installation, so no probe was replayed")
    from logsentry.scoring.scorer import Scorer
    from logsentry.store import verified

    try:
        bundle = verified.read(found[0].parent)
        Scorer(bundle)
    except LogsentryError as error:
        return Finding("fail", str(error), "install logsentry again")
    return Finding("ok", f"the demo bundle {bundle.reference} answers its probe as it was trained to")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
