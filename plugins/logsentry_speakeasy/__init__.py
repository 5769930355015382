"""Offers the sources `speakeasy`, reports of the Speakeasy emulator, and `speakeasy-tokens`, such reports as token ids."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_sources(register: Register) -> None:
    register("speakeasy", "logsentry_speakeasy.source:Speakeasy")
    register("speakeasy-tokens", "logsentry_speakeasy.tokens:SpeakeasyTokens")
