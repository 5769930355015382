"""Implements a hook that does not exist."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_source(register: Register) -> None:
    register("never", "logsentry_misspelt:Never")
