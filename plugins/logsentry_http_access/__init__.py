"""Offers the source `http-access`."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_sources(register: Register) -> None:
    register("http-access", "logsentry_http_access.source:HttpAccess")
