"""Small answers that are asked for again and again: most users, labels and addresses of a log come more than once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

_Answer = TypeVar("_Answer")
_LENGTH = 256  # longer texts are worked out anew each time, so that hostile ones cannot fill the memory


def kept(function: Callable[[str], _Answer]) -> Callable[[str], _Answer]:
    """Remembers the answers to the last 4,096 texts; callers must not change an answer."""
    remembered = lru_cache(maxsize=4096)(function)

    @wraps(function)
    def ask(text: str) -> _Answer:
        return remembered(text) if len(text) <= _LENGTH else function(text)

    return ask
