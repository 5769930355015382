"""The hooks. Each is called once, at start-up, with a function `register(name, target)`.

A target is a class, or a string `"package.module:Class"` that is imported only when somebody asks for that name. Hooks
never run for an event: what was registered is called directly.
"""

from __future__ import annotations

from collections.abc import Callable

import pluggy

hookspec = pluggy.HookspecMarker("logsentry")
hookimpl = pluggy.HookimplMarker("logsentry")

Register = Callable[[str, object], None]


@hookspec
def register_inputs(register: Register) -> None:
    """Offer places that bytes come from: classes that satisfy `logsentry.sdk.Input`."""


@hookspec
def register_sources(register: Register) -> None:
    """Offer kinds of logs: classes that satisfy `logsentry.sdk.Source`."""


@hookspec
def register_tokenizers(register: Register) -> None:
    """Offer ways from text to token ids."""


@hookspec
def register_detectors(register: Register) -> None:
    """Offer detectors that can be trained: classes that satisfy `logsentry.sdk.Detector`."""


@hookspec
def register_exporters(register: Register) -> None:
    """Offer places that scores go to: classes that satisfy `logsentry.sdk.Exporter`."""


@hookspec
def register_notifiers(register: Register) -> None:
    """Offer ways to tell a person of an alert."""


@hookspec
def register_commands(register: Register) -> None:
    """Offer a `click.Command` for the `logsentry` command line."""
