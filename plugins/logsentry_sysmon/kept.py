"""Answers that are kept by their text: programs, users, files, hashes and keys come again and again in a log.

Long texts are worked out anew each time, so that a log of nothing but long ones cannot fill the memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

_Answer = TypeVar("_Answer")
_LONGEST = 512


def kept(make: Callable[[str], _Answer]) -> Callable[[str], _Answer]:
    """`make`, asked once for each short text among the last few thousand. Its answers are shared: nobody may change them."""
    remembered = lru_cache(maxsize=8192)(make)

    @wraps(make)
    def answer(text: str) -> _Answer:
        return remembered(text) if len(text) <= _LONGEST else make(text)

    return answer
