"""Spell's list of templates: which one takes a line, and what becomes of it.

Du and Li, "Spell: Streaming Parsing of System Event Logs", ICDM 2016, call it LCSMap. Here lines are tokens already; masks, memory
and the file are for `spell.py`, the comparison of two sequences for `subsequence.py`, what is compared for `wordindex.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from logsentry.text.subsequence import PARAM, fits, lcs_length, merged, places
from logsentry.text.wordindex import WordIndex

REST = 0
"""The id of the lines that came when the list was full and were like no template."""

_SLACK = 1e-9  # 0.55 * 20 is a little over 11


class Cluster:
    """A template: `tokens` with gaps, `words` without. `first` and `longest` count the words of its first and longest line."""

    __slots__ = ("first", "id", "longest", "size", "tokens", "words")

    def __init__(self, cluster_id: int, tokens: Sequence[str]) -> None:
        self.id, self.size = cluster_id, 0
        self.become(tokens)
        self.first = self.longest = len(self.words)

    def become(self, tokens: Sequence[str]) -> None:
        self.tokens, self.words = tuple(tokens), _words(tokens)


class LcsMap:
    """At most `limit` templates besides `REST`; `tau` and `keep` are those of `SpellConfig`."""

    def __init__(self, tau: float, keep: float, limit: int) -> None:
        self._tau, self._keep, self._limit = tau, keep, limit
        self.clusters = [Cluster(REST, (PARAM,))]  # by id
        self._index = WordIndex()
        self.known = self._index.known
        """Every word of a template, and `PARAM`: what a line has besides tells no two lines apart until `take` changes something."""

    def take(self, tokens: Sequence[str]) -> tuple[Cluster, bool]:
        """The cluster that the line joins, and whether anything has changed by it but sizes, which are for the caller."""
        words = _words(tokens)
        cluster = self._containing(words) or self._most_alike(words)
        if cluster is not None:
            return cluster, self._widen(cluster, tokens, len(words))
        if len(self.clusters) > self._limit:
            return self.clusters[REST], False
        return self.append(tokens), True

    def append(self, tokens: Sequence[str]) -> Cluster:
        cluster = Cluster(len(self.clusters), tokens)
        self.clusters.append(cluster)
        self._index.insert(cluster.id, cluster.words)
        return cluster

    def fitting(self, tokens: Sequence[str]) -> Cluster | None:
        """The template with most words of those that the line fits."""
        words = _words(tokens)
        found = (self.clusters[number] for number in self._index.contained(words))
        return max((c for c in found if self._may_hold(c, len(words)) and fits(c.tokens, tokens)), key=_most_words, default=None)

    def _containing(self, words: tuple[str, ...]) -> Cluster | None:
        """The template with most words of those that are a subsequence of the line, and enough of it."""
        found = (self.clusters[number] for number in self._index.contained(words))
        return max((c for c in found if self._enough(len(c.words), len(words))), key=_most_words, default=None)

    def _most_alike(self, words: tuple[str, ...]) -> Cluster | None:
        """The template with the longest common subsequence of those that are enough of the line and leave enough of the template."""
        where, best, rank = places(words), None, (0, 0, 0)
        for bound, numbers in self._index.alike(words):
            if bound < rank[0] or not self._enough(bound, len(words)):
                break
            for cluster in map(self.clusters.__getitem__, numbers):
                common = lcs_length(where, len(words), cluster.words)
                one = (common, -len(cluster.words), -cluster.id)
                if one > rank and self._enough(common, len(words)) and common >= self._keep * cluster.first - _SLACK:
                    best, rank = cluster, one
        return best

    def _widen(self, cluster: Cluster, tokens: Sequence[str], words: int) -> bool:
        """Make the template fit the line; False where it did."""
        grown, cluster.longest = words > cluster.longest, max(words, cluster.longest)
        if fits(cluster.tokens, tokens):
            return grown
        self._index.remove(cluster.id, cluster.words)
        cluster.become(merged(cluster.tokens, tokens))
        self._index.insert(cluster.id, cluster.words)
        return True

    def _may_hold(self, cluster: Cluster, words: int) -> bool:
        return words <= cluster.longest or self._enough(len(cluster.words), words)

    def _enough(self, common: int, words: int) -> bool:
        return common >= self._tau * words - _SLACK


def _words(tokens: Sequence[str]) -> tuple[str, ...]:
    return tuple(token for token in tokens if token != PARAM)


def _most_words(cluster: Cluster) -> tuple[int, int]:
    return len(cluster.words), -cluster.id
