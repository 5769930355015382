"""Offers a source under a name that another distribution offers."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_sources(register: Register) -> None:
    register("dns-tap", "logsentry_twin:Nothing")
