"""Addresses of servers, which are printed, logged and kept, and therefore hold no password."""

from __future__ import annotations

from urllib.parse import urlsplit

from logsentry.errors import UsageError


def server_url(url: str, of: str, instead: str, example: str) -> str:
    """The address without its last slash. Raises `UsageError`, which repeats an address only where it holds no password.

    `of` says whose address it is, `instead` how else to give what proves who asks.
    """
    if "@" in url:
        raise UsageError(f"an address of {of} holds no user name and password, since addresses are printed; {instead}")
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or bool(parts.query or parts.fragment)
        _ = parts.port  # which raises where it is no number
    except ValueError:
        wrong = True
    if wrong:
        raise UsageError(f"{url!r} is no address of {of}; write for instance {example}")
    return url.rstrip("/")
