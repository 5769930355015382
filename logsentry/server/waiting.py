"""What waits for a model, and which of it is judged next.

Clients put requests here from the event loop; the model's thread takes them, so that it need not wait for the loop's next turn. Of
much that waits it takes half: while that is judged, the loop answers the half before and reads what those clients ask next, and the
model never runs dry. Requests with windows of one length are taken together, since a graph runs one length at a time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

E = TypeVar("E", bound="Entry[Any, Any]")
Q = TypeVar("Q")
A = TypeVar("A")

WORTH = 16
"""Items from which a batch is no longer made larger at the price of an idle model: nine LogBERT members take 853 µs of CPU for a window of
ten events alone, 430 in a batch of 16 and 400 in one of 32 (docs/measured.md)."""


class Entry(Generic[Q, A]):
    """A request: its items, where the answer goes, when it was asked (seconds of the monotonic clock), and its place while it waits."""

    __slots__ = ("answer", "asked", "items", "kind", "number", "waits")

    def __init__(self, items: Sequence[Q], answer: A, asked: float, kind: Hashable) -> None:
        self.items, self.answer, self.asked, self.kind = items, answer, asked, kind
        self.number, self.waits = 0, False


class Waiting(Generic[E]):
    """Requests in the order they came, by kind. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[Hashable, deque[E]] = {}
        self._numbered = 0
        self.items = 0
        """That wait and are not being judged yet."""
        self.awake = False
        """Whether somebody is about to take what waits."""

    def put(self, entry: E) -> bool:
        """Whether the model sleeps, so that who put this in has to wake it."""
        with self._lock:
            self._numbered += 1
            entry.number, entry.waits = self._numbered, True
            self._kinds.setdefault(entry.kind, deque()).append(entry)
            self.items += len(entry.items)
            asleep, self.awake = not self.awake, True
            return asleep

    def take(self, most: int) -> list[E]:
        """The oldest request, and with it others of its kind, then of the kinds that have waited longest: `most` items, or the one request
        that has more by itself. Where nothing waits, the model sleeps from now on."""
        with self._lock:
            self.awake = bool(self.items)
            room = min(most, self.items if self.items < 2 * WORTH else -(-self.items // 2))
            found: list[E] = []
            for kind in sorted(self._kinds, key=lambda kind: self._kinds[kind][0].number):
                room = self._of(kind, room, found)
                if not room:
                    break
            return found

    def _of(self, kind: Hashable, room: int, found: list[E]) -> int:
        """Move what fits of one kind; the room that is left, none where something of it did not fit."""
        queue = self._kinds[kind]
        while queue:
            size = len(queue[0].items)
            if found and size > room:
                return 0
            self._taken(entry := queue.popleft())
            found.append(entry)
            room = max(0, room - size)
        del self._kinds[kind]
        return room

    def leave(self, entry: E) -> None:
        """Give the place up where it still has one."""
        with self._lock:
            if entry.waits:
                queue = self._kinds[entry.kind]
                queue.remove(entry)
                if not queue:
                    del self._kinds[entry.kind]
                self._taken(entry)

    def _taken(self, entry: E) -> None:
        entry.waits = False
        self.items -= len(entry.items)


def same_kind(items: Sequence[Any]) -> Hashable:
    """Where all items cost alike together."""
    return None


def of_length(items: Sequence[Sequence[Any]]) -> Hashable:
    """The length of the first window: exact for a request of one, and near enough for those of many, which fill batches by themselves."""
    return len(items[0])


Kind = Callable[[Sequence[Any]], Hashable]
