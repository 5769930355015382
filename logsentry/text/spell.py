"""Log templates by longest common subsequence, with the methods of `templates.py`.

Spell (Du and Li, "Spell: Streaming Parsing of System Event Logs", ICDM 2016): a line joins the template with which it has
most words in common, in their order, if those are a share `tau` of its words, and the template becomes what the two have in
common. Unlike Drain's, its templates hold lines of different lengths. The list of templates is `lcsmap.py`.

Where the paper leaves a choice, it is made so: a template that the line contains whole goes before one that would have to change
(the paper's prefix tree and simple loop find those first); then the longest common subsequence decides, then the fewest words,
then the older one. A template has a gap `<*>` only where its lines had something, so that a frozen `match` tells a line that has
words elsewhere. A masked word `<NAME>` is a word like any other; `<*>` in a line is a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from logsentry.errors import BundleRefused, UsageError
from logsentry.text import snapshots
from logsentry.text.lcsmap import REST, Cluster, LcsMap
from logsentry.text.masks import Mask, Masker
from logsentry.text.remembered import BOUND, Remembered
from logsentry.text.subsequence import PARAM
from logsentry.text.templates import Template

_WORD = 8  # bytes of a word in what is remembered of a line: the word itself belongs to a template
_Shape = tuple[str | None, ...]
"""A line with None for each word that no template has."""


class SpellConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How templates are mined; `tau` is the paper's default.

    A template keeps at least the share `keep` of its first line's words. The paper has no such bound (0.0): there a line of the one
    word `GET` makes `GET <*>` of the first template that has this word. `delimiters` split words as blanks do.
    No more than `max_clusters` templates are made, so that learning a line stays cheap whoever writes it: one that is like none of
    them then joins none (`lcsmap.REST`). Of a line's tokens those after the first `max_words` are one gap.
    """

    masks: tuple[Mask, ...] = ()
    tau: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.5
    keep: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    delimiters: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    max_clusters: Annotated[int, Meta(ge=1)] = 1000
    max_words: Annotated[int, Meta(ge=1)] = 256


class _SavedCluster(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    size: int
    first: int
    longest: int
    tokens: list[str]


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cluster's id is its place in the list, from 1 on; `rest` counts the lines of `REST`."""

    parser: Literal["spell"]
    config: SpellConfig
    rest: int
    clusters: list[_SavedCluster]


class SpellMiner:
    """Learns with `add`, answers without learning with `match`. Raises `UsageError` for a config out of range."""

    def __init__(self, config: SpellConfig, held_bytes: int = BOUND) -> None:
        self.config = _checked(config)
        self._mask = Masker(config.masks, held_bytes)
        self._map = LcsMap(config.tau, config.keep, config.max_clusters)
        self._shape_of = self._map.known.get
        self._joined: Remembered[_Shape, Cluster] = Remembered(held_bytes)  # lines that changed nothing
        self._matched: Remembered[_Shape, int | None] = Remembered(held_bytes)

    def add(self, line: str) -> int:
        """The id of the cluster that takes the line, which may be new, or `REST`."""
        tokens = self._tokens(line)
        shape = tuple(map(self._shape_of, tokens))
        cluster = self._joined.get(shape)
        if cluster is None:
            cluster = self._learn(tokens, shape)
        cluster.size += 1
        return cluster.id

    def _learn(self, tokens: list[str], shape: _Shape) -> Cluster:
        cluster, changed = self._map.take(tokens)
        if changed:
            self._joined.clear()
            self._matched.clear()
        else:
            self._joined.keep(shape, cluster, _WORD * len(shape))
        return cluster

    def match(self, line: str) -> int | None:
        """The id of the template that fits the line, the one with most words, or None; nothing is learned.

        A template fits where the line has its words in their order, others only in its gaps, and no more of them than its longest
        line had or `tau` allows. So every line that was ever learned fits one, unless it joined `REST`.
        """
        tokens = self._tokens(line)
        shape = tuple(map(self._shape_of, tokens))
        try:
            return self._matched[shape]
        except KeyError:
            return self._search(tokens, shape)

    def _search(self, tokens: list[str], shape: _Shape) -> int | None:
        cluster = self._map.fitting(tokens)
        answer = None if cluster is None else cluster.id
        self._matched.keep(shape, answer, _WORD * len(shape))
        return answer

    def _tokens(self, line: str) -> list[str]:
        text = self._mask(line)
        for delimiter in self.config.delimiters:
            text = text.replace(delimiter, " ")
        tokens = text.split()
        if len(tokens) > self.config.max_words:
            tokens[self.config.max_words :] = [PARAM]
        return tokens

    def template(self, cluster_id: int) -> str:
        """The text of one template, `<*>` for `REST`; raises `UsageError` for an id that was never given."""
        if not REST <= cluster_id < len(self._map.clusters):
            raise UsageError(f"there is no template {cluster_id} among the {len(self._map.clusters) - 1} that are known")
        return " ".join(self._map.clusters[cluster_id].tokens)

    def templates(self) -> list[Template]:
        """All templates by id; `REST` is none."""
        return [Template(cluster.id, " ".join(cluster.tokens), cluster.size) for cluster in self._map.clusters[1:]]

    def snapshot(self) -> dict[str, Any]:
        """Everything that later answers depend on, as plain JSON types with a format number and a digest."""
        rest, *clusters = self._map.clusters
        saved = [_SavedCluster(cluster.size, cluster.first, cluster.longest, list(cluster.tokens)) for cluster in clusters]
        return snapshots.seal(msgspec.to_builtins(_Saved("spell", self.config, rest.size, saved)))

    @classmethod
    def from_snapshot(cls, snapshot: Mapping[str, Any], held_bytes: int = BOUND) -> SpellMiner:
        """The miner as it was. Raises `BundleRefused` for a snapshot that is damaged, of another format or of another parser."""
        try:
            saved = msgspec.convert(snapshots.unseal(snapshot), _Saved)
        except msgspec.ValidationError as error:
            raise BundleRefused(f"the Spell snapshot is not what this version writes: {error}") from error
        miner = cls(saved.config, held_bytes)
        for entry in saved.clusters:
            cluster = miner._map.append(entry.tokens)
            cluster.size, cluster.first, cluster.longest = entry.size, entry.first, entry.longest
        if len({cluster.words for cluster in miner._map.clusters[1:]}) < len(saved.clusters):
            raise BundleRefused("the Spell snapshot has two templates of the same words: the file is damaged or was edited")
        miner._map.clusters[REST].size = saved.rest
        return miner

    def to_bytes(self) -> bytes:
        return snapshots.to_bytes(self.snapshot())

    @classmethod
    def from_bytes(cls, data: bytes) -> SpellMiner:
        return cls.from_snapshot(snapshots.from_bytes(data))


def _checked(config: SpellConfig) -> SpellConfig:
    """A struct that was made in Python has not passed the bounds that one from a file has."""
    try:
        return msgspec.convert(msgspec.to_builtins(config), SpellConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"the template settings cannot be used: {error}") from error
