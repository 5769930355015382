"""Offers the source `speakeasy`: reports of the Speakeasy emulator."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_sources(register: Register) -> None:
    register("speakeasy", "logsentry_speakeasy.source:Speakeasy")
