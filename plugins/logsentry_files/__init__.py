"""Offers the input `files`."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_inputs(register: Register) -> None:
    register("files", "logsentry_files.input:Files")
