"""Which templates a line may belong to, without a look at each.

A tree over the templates' words finds those that a line contains whole (the prefix tree of Du and Li, "Spell",
ICDM 2016). Where there is none, an index from words to templates says how many words a line can at most have in common with each,
for all of them at once, so that few are compared word by word. Both leave gaps out; what is similar enough is for `lcsmap.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from logsentry.text.leaf import add, highest
from logsentry.text.subsequence import PARAM


class _Node:
    __slots__ = ("children", "template")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.template: int | None = None


class WordIndex:
    """Templates by number, each with words of its own. `known` has every word of any of them, and `PARAM`, as key and value."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {PARAM: PARAM}
        self._root = _Node()
        self._numbers = 0  # here and below: one bit a template
        self._having: dict[tuple[str, int], int] = {}  # those that have a word for the first time, the second, and so on

    def insert(self, number: int, words: Sequence[str]) -> None:
        node = self._root
        for word in words:
            node = node.children.setdefault(word, _Node())
            self.known[word] = word
        node.template = number
        self._numbers |= 1 << number
        for key in _counted(words):
            self._having[key] = self._having.get(key, 0) | 1 << number

    def remove(self, number: int, words: Sequence[str]) -> None:
        self._numbers ^= 1 << number
        for key in _counted(words):
            self._having[key] ^= 1 << number
            if not self._having[key]:
                del self._having[key]
                if key[1] == 0:
                    del self.known[key[0]]
        path = [self._root]
        for word in words:
            path.append(path[-1].children[word])
        path[-1].template = None
        for parent, word in zip(reversed(path[:-1]), reversed(words), strict=True):
            if parent.children[word].children or parent.children[word].template is not None:
                break
            del parent.children[word]

    def contained(self, words: Sequence[str]) -> Iterator[int]:
        """The templates whose words the line has in their order; one without words only where the line has none."""
        if not words:
            if self._root.template is not None:
                yield self._root.template
            return
        places: dict[str, list[int]] = {}
        for place, word in enumerate(words):
            places.setdefault(word, []).append(place)
        ways = [(self._root, 0)]
        while ways:  # each word at the first place that is left, which leaves most to those that follow
            node, start = ways.pop()
            for word in node.children.keys() & places.keys():
                left = places[word]
                if left[-1] >= start:
                    child = node.children[word]
                    if child.template is not None:
                        yield child.template
                    if child.children:
                        ways.append((child, left[bisect_left(left, start)] + 1))

    def alike(self, words: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
        """Templates with the number of words that each has in common with the line in any order, the highest number first."""
        planes: list[int] = []
        for key in _counted(words):
            if numbers := self._having.get(key):
                add(planes, numbers)
        left = self._numbers
        while left:
            among, count = highest(planes, left)
            left ^= among
            yield count, _bits(among)


def _counted(words: Sequence[str]) -> list[tuple[str, int]]:
    """Each word with how often it has come before."""
    before: dict[str, int] = {}
    keys = []
    for word in words:
        count = before.get(word, 0)
        before[word] = count + 1
        keys.append((word, count))
    return keys


def _bits(numbers: int) -> list[int]:
    found = []
    while numbers:
        lowest = numbers & -numbers
        found.append(lowest.bit_length() - 1)
        numbers ^= lowest
    return found
