"""Log templates: lines of text become cluster ids, learned in one pass.

The ids, sizes and templates are those of drain3 with the same masks and settings, line for line; what is added is memory of
earlier answers. Masking is for `masks.py`, the tree for drain3 behind `drain.py`, the file for `snapshots.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from logsentry.errors import BundleRefused, UsageError
from logsentry.text import snapshots
from logsentry.text.drain import IndexedDrain
from logsentry.text.masks import Mask, Masker
from logsentry.text.remembered import BOUND, Remembered


class TemplateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How templates are mined; the defaults are drain3's.

    `delimiters` split tokens as blanks do. `max_clusters` keeps that many and forgets the one not used for longest.
    `leaf_width` bounds the clusters that are compared with one line: a line that comes to a full leaf joins the most
    similar cluster there, however little alike they are (drain3 has no such bound). `short_by_text` lets lines of fewer words than
    the tree is deep (`depth` - 2) join only equal ones, as Drain's authors have it and drain3 has not; such lines are not bounded.
    """

    masks: tuple[Mask, ...] = ()
    depth: Annotated[int, Meta(ge=3, le=64)] = 4
    sim_th: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.4
    max_children: Annotated[int, Meta(ge=1)] = 100
    max_clusters: Annotated[int, Meta(ge=1)] | None = None
    delimiters: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    leaf_width: Annotated[int, Meta(ge=1)] | None = None
    short_by_text: bool = False


class Template(msgspec.Struct, frozen=True):
    """One cluster: `text` has `<*>` where its lines differ and `<NAME>` where a mask was; `size` counts its lines."""

    id: int
    text: str
    size: int


class _Epoch:
    """The time in which answers for one token count hold."""

    __slots__ = ("current",)

    def __init__(self) -> None:
        self.current = True


class TemplateMiner:
    """Learns with `add`, answers without learning with `match`. Raises `UsageError` for a config out of range."""

    def __init__(self, config: TemplateConfig, held_bytes: int = BOUND) -> None:
        self.config = _checked(config)
        self._mask = Masker(config.masks, held_bytes)
        self._drain = IndexedDrain(
            leaf_width=config.leaf_width,
            short_by_text=config.short_by_text,
            changed=self._expire,
            depth=config.depth,
            sim_th=config.sim_th,
            max_children=config.max_children,
            max_clusters=config.max_clusters,
            extra_delimiters=config.delimiters,
        )
        self._touch = None if config.max_clusters is None else self._drain.id_to_cluster.move_to_end
        self._epochs: dict[int, _Epoch] = {}  # by token count: drain compares a line with none but its equals
        # masked text -> the cluster that took it and left its template as it was
        self._known: Remembered[str, tuple[Any, _Epoch]] = Remembered(held_bytes)
        self._matched: Remembered[str, int | None] = Remembered(held_bytes)

    def add(self, line: str) -> int:
        """The id of the cluster that takes the line, which may be new."""
        masked = self._mask(line)
        known = self._known.get(masked)
        if known is not None and known[1].current:
            cluster = known[0]
            cluster.size += 1
            if self._touch is not None:
                self._touch(cluster.cluster_id)
            return cluster.cluster_id  # type: ignore[no-any-return]
        return self._learn(masked)

    def _learn(self, masked: str) -> int:
        cluster, change = self._drain.add_log_message(masked)
        if change == "none":  # a line of `<*>` alone starts a new cluster each time it comes
            epoch = self._epochs.setdefault(len(cluster.log_template_tokens), _Epoch())
            self._known.keep(masked, (cluster, epoch), len(masked))
        return cluster.cluster_id  # type: ignore[no-any-return]

    def _expire(self, token_count: int) -> None:
        epoch = self._epochs.pop(token_count, None)
        if epoch is not None:
            epoch.current = False
        if self._matched:
            self._matched.clear()

    def match(self, line: str) -> int | None:
        """The id of the cluster whose template fits the line in every token, or None; nothing is learned.

        As drain3's `match` with its default strategy: the tree is searched and no other leaf is tried.
        """
        masked = self._mask(line)
        try:
            return self._matched[masked]
        except KeyError:
            return self._search(masked)

    def _search(self, masked: str) -> int | None:
        cluster = self._drain.match(masked)
        answer = None if cluster is None else cluster.cluster_id
        self._matched.keep(masked, answer, len(masked))
        return answer

    def template(self, cluster_id: int) -> str:
        """The text of one template; raises `UsageError` for an id that was never given or is forgotten."""
        cluster = self._drain.id_to_cluster.get(cluster_id)
        if cluster is None:
            raise UsageError(f"there is no template {cluster_id} among the {len(self._drain.id_to_cluster)} that are known")
        return cluster.get_template()  # type: ignore[no-any-return]

    def templates(self) -> list[Template]:
        """All templates by id."""
        found = [Template(c.cluster_id, c.get_template(), c.size) for c in self._drain.id_to_cluster.values()]
        return sorted(found, key=lambda template: template.id)

    def snapshot(self) -> dict[str, Any]:
        """Everything that later answers depend on, as plain JSON types with a format number and a digest."""
        tree = snapshots.save(self._drain)
        return snapshots.seal({"config": msgspec.to_builtins(self.config), "tree": msgspec.to_builtins(tree)})

    @classmethod
    def from_snapshot(cls, snapshot: Mapping[str, Any], held_bytes: int = BOUND) -> TemplateMiner:
        """The miner as it was. Raises `BundleRefused` for a snapshot that is damaged or of another format."""
        content = snapshots.unseal(snapshot)
        try:
            config = msgspec.convert(content.get("config"), TemplateConfig)
            tree = msgspec.convert(content.get("tree"), snapshots.SavedTree)
        except msgspec.ValidationError as error:
            raise BundleRefused(f"the template snapshot is not what this version writes: {error}") from error
        miner = cls(config, held_bytes)
        snapshots.restore(miner._drain, tree)
        return miner

    def to_bytes(self) -> bytes:
        return snapshots.to_bytes(self.snapshot())

    @classmethod
    def from_bytes(cls, data: bytes) -> TemplateMiner:
        return cls.from_snapshot(snapshots.from_bytes(data))


def _checked(config: TemplateConfig) -> TemplateConfig:
    """A struct that was made in Python has not passed the bounds that one from a file has."""
    try:
        return msgspec.convert(msgspec.to_builtins(config), TemplateConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"the template settings cannot be used: {error}") from error
