"""From template clusters to the small dense ids that a model reads, and back to text.

Five ids stand for no template; the log keys follow, the commonest first. Which templates there are is for `templates.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from logsentry.errors import BundleRefused, UsageError

PAD, UNK, MASK, BEGIN, END = range(5)
FIRST_KEY = 5
"""The id of the first log key."""

SPECIALS = ("<padding>", "<unknown event>", "<hidden event>", "<begin of session>", "<end of session>")
"""How the ids below `FIRST_KEY` are shown to a person."""


class _Key(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    cluster: int
    text: str


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    keys: list[_Key]


class Vocabulary:
    """`encode` and `text` for one list of templates; made by `build` or `from_json`. `len` counts the special ids too."""

    FORMAT = 1

    def __init__(self, clusters: tuple[int, ...], texts: tuple[str, ...]) -> None:
        self._clusters, self._texts = clusters, texts
        self._ids: dict[int | None, int] = {cluster: key for key, cluster in enumerate(clusters, FIRST_KEY)}

    @classmethod
    def build(cls, counts: Mapping[int, int], texts: Mapping[int, str], min_count: int) -> Vocabulary:
        """Keys for the clusters seen at least `min_count` times: by falling count, then by cluster id."""
        kept = sorted((cluster for cluster, count in counts.items() if count >= min_count), key=lambda c: (-counts[c], c))
        return cls(tuple(kept), tuple(texts[cluster] for cluster in kept))

    def __len__(self) -> int:
        return FIRST_KEY + len(self._clusters)

    def encode(self, cluster: int | None) -> int:
        """The key of a cluster; `UNK` for None and for a cluster that was too rare or is new."""
        return self._ids.get(cluster, UNK)

    def text(self, key: int) -> str:
        """The template of a key, or what a special id stands for; raises `UsageError` for an id out of range."""
        if not 0 <= key < len(self):
            raise UsageError(f"key {key} is not among the {len(self)} of this vocabulary")
        return SPECIALS[key] if key < FIRST_KEY else self._texts[key - FIRST_KEY]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; a key's id is its place in the list."""
        keys = [[cluster, text] for cluster, text in zip(self._clusters, self._texts, strict=True)]
        return {"format": self.FORMAT, "keys": keys}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary that `to_json` wrote; raises `BundleRefused` for anything else."""
        try:
            content = msgspec.convert(saved, _Saved)
        except msgspec.ValidationError as error:
            raise BundleRefused(f"the vocabulary is not what this version writes: {error}") from error
        if content.format != cls.FORMAT:
            raise BundleRefused(f"the vocabulary has format {content.format}, and only {cls.FORMAT} is known; train again")
        clusters = tuple(key.cluster for key in content.keys)
        if len(set(clusters)) != len(clusters):
            raise BundleRefused("the vocabulary names one template twice: the file is damaged or was edited")
        return cls(clusters, tuple(key.text for key in content.keys))
