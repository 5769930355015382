"""A table of earlier answers that cannot grow without end."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

BOUND = 16 << 20
"""Bytes that one table keeps unless told otherwise."""

_ENTRY = 200  # bytes that an entry costs besides its text, about
_LARGEST_SHARE = 64  # one text may take this part of the whole


class Remembered(dict[K, V], Generic[K, V]):
    """A dict that starts anew when it is full, so that reading it costs no more than reading a dict.

    `bound` is in bytes of text, with an allowance for each entry. A text too long for its share is not kept at all.
    """

    def __init__(self, bound: int) -> None:
        super().__init__()
        self.bound, self.held = bound, 0

    def keep(self, key: K, value: V, length: int) -> None:
        """Keep an answer whose key and value have `length` bytes together."""
        size = length + _ENTRY
        if size * _LARGEST_SHARE > self.bound:
            return
        if key not in self:
            if self.held + size > self.bound:
                self.clear()
            self.held += size
        self[key] = value

    def clear(self) -> None:
        super().clear()
        self.held = 0
