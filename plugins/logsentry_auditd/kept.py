"""Small answers that are asked for again and again: most users, labels and addresses of a log come more than once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")
_LENGTH = 256  # longer texts are worked out anew each time, so that hostile ones cannot fill the memory
_KEPT = 4096


def kept(function: Callable[[str], _Answer]) -> Callable[[str], _Answer]:
    """Remembers the answers to the last 4,096 texts; callers must not change an answer."""
    remembered = lru_cache(maxsize=_KEPT)(function)

    @wraps(function)
    def ask(text: str) -> _Answer:
        return remembered(text) if len(text) <= _LENGTH else function(text)

    return ask


class Remembered(Generic[_Answer]):
    """Answers by several texts together, at most 4,096 of them and none with long texts; callers must not change an answer."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str | None, ...], _Answer] = {}
        self.get = self._answers.get

    def keep(self, key: tuple[str | None, ...], answer: _Answer) -> _Answer:
        if sum(map(len, filter(None, key))) <= 2 * _LENGTH:
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            self._answers[key] = answer
        return answer
