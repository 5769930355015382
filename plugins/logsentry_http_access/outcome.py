"""Whether a status is a success, as ECS counts it in `event.outcome`."""

from __future__ import annotations


def outcome(code: int) -> str:
    """`unknown` below 100: nginx writes 000 where a connection ended before any answer, and Caddy 0."""
    if code >= 400:
        return "failure"
    return "success" if code >= 100 else "unknown"
