"""Memory that was freed, given back to the system.

glibc keeps what was freed in pieces between others for later. A server that changes its models for months would grow by it.
Elsewhere (musl, macOS) there is nothing to be asked, and nothing happens. Source: malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Takes some milliseconds, in which other threads of Python go on."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
