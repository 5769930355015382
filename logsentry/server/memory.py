"""Memory over months: what was freed is given back to the system, and what stays is not looked through again and again.

glibc keeps what was freed in pieces between others for later. A server that changes its models for months would grow by it.
Elsewhere (musl, macOS) there is nothing to be asked, and nothing happens. Source: malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Takes some milliseconds, in which other threads of Python go on."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def settle() -> None:
    """Leave what is in memory now out of the garbage collector's rounds.

    A bundle's calibration is some hundred thousand numbers; looking through them took 25 to 45 ms every two seconds under load, in
    which nobody is answered. What was left out before is looked through once more, so that cycles of a bundle that is gone go too.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def unsettle() -> None:
    """At the end: the interpreter looks through everything then, or native libraries complain of what it passed over."""
    gc.unfreeze()
