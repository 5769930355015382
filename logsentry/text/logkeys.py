"""From events to log keys: the domain filter makes a line, the template miner a cluster, the vocabulary an id.

Learned once on the windows that a detector is fitted on, then frozen: a line that fits no template then is `UNK`. The
whole thing travels in the bundle as JSON, so serving reads events exactly as training did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from logsentry.errors import BundleRefused
from logsentry.schema.event import Event
from logsentry.schema.profile import Profile
from logsentry.schema.window import Window
from logsentry.stages.filters import DomainFilter
from logsentry.text.spell import SpellConfig, SpellMiner
from logsentry.text.templates import TemplateConfig, TemplateMiner
from logsentry.text.vocabulary import BEGIN, END, Vocabulary

SNAPSHOT = 1
WIDEST = 1000
"""Templates in one leaf of the tree: else whoever may choose paths could grow it without end while it learns."""


class LogKeys:
    """Reads events as key ids. `profile` is the source's, or the user's override of it."""

    def __init__(self, profile: Profile, miner: TemplateMiner | SpellMiner, vocabulary: Vocabulary) -> None:
        self.profile, self.miner, self.vocabulary = profile, miner, vocabulary
        self._filter = DomainFilter(profile)

    @classmethod
    def learn(cls, profile: Profile, events: Iterable[Event], min_count: int = 2) -> LogKeys:
        """Mine templates from events in their order; templates seen fewer than `min_count` times become `UNK`.

        The ids counted are those that the finished tree gives, since early lines may have moved to a wider template.
        """
        miner, domain = empty_miner(profile), DomainFilter(profile)
        lines = [domain.line(event) for event in events]
        for line in lines:
            miner.add(line)
        counts = Counter(miner.match(line) for line in lines)
        known = {cluster: count for cluster, count in counts.items() if cluster is not None}
        texts = {template.id: template.text for template in miner.templates()}
        return cls(profile, miner, Vocabulary.build(known, texts, min_count))

    def line(self, event: Event) -> str:
        """The event as its detector sees it, before templates."""
        return self._filter.line(event)

    def key(self, event: Event) -> int:
        return self.vocabulary.encode(self.miner.match(self._filter.line(event)))

    def encode(self, window: Window) -> tuple[int, ...]:
        """`[BEGIN, k1 … kn, END]`: a session that is cut off shows, because its end comes too early."""
        return (BEGIN, *[self.key(event) for event in window.events], END)

    def text(self, key: int) -> str:
        return self.vocabulary.text(key)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": SNAPSHOT,
            "profile": msgspec.to_builtins(self.profile),
            "templates": self.miner.snapshot(),
            "vocabulary": self.vocabulary.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LogKeys:
        """Raises `BundleRefused` where the snapshot is from another version or incomplete."""
        if data.get("version") != SNAPSHOT:
            raise BundleRefused(
                f"the templates were written in version {data.get('version')!r}; this program reads version {SNAPSHOT}"
            )
        try:
            profile = msgspec.convert(data["profile"], Profile)
            parser = SpellMiner if profile.parser == "spell" else TemplateMiner
            return cls(profile, parser.from_snapshot(data["templates"]), Vocabulary.from_json(data["vocabulary"]))
        except (KeyError, TypeError, ValueError) as error:  # msgspec.ValidationError is a ValueError
            raise BundleRefused(f"the templates cannot be read: {error}") from error


def empty_miner(profile: Profile) -> TemplateMiner | SpellMiner:
    """The parser that the profile names, before it has read anything."""
    if profile.parser == "spell":
        return SpellMiner(SpellConfig(tau=profile.similarity, delimiters=profile.delimiters, max_clusters=WIDEST))
    return TemplateMiner(template_config(profile))


def template_config(profile: Profile) -> TemplateConfig:
    """Drain's tree has a root and a level for the number of words above the levels of the first words (He et al. 2017, section III)."""
    return TemplateConfig(
        leaf_width=WIDEST, depth=profile.exact_words + 2, sim_th=profile.similarity, delimiters=profile.delimiters
    )
