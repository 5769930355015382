"""Each distinct window is judged once: a bounded table from (bundle, mask policy, key ids) to what was found.

Sound only because masking at test time is deterministic: with random masks the same window would deserve another answer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Table(Generic[V]):
    """Least recently used first out. `hits` and `misses` are counted; a size of 0 turns it off. Threads may share it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = self.misses = 0
        self._held: OrderedDict[tuple[str, str, bytes], V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str, bytes]) -> V | None:
        with self._lock:
            found = self._held.get(key)
            if found is None:
                self.misses += 1
                return None
            self._held.move_to_end(key)
            self.hits += 1
            return found

    def put(self, key: tuple[str, str, bytes], value: V) -> None:
        if self.size == 0:
            return
        with self._lock:
            self._held[key] = value
            self._held.move_to_end(key)
            if len(self._held) > self.size:
                self._held.popitem(last=False)

    def __len__(self) -> int:
        return len(self._held)
