"""The detector `counting`: what was never seen before is strange. It fits nothing but remembers.

On HDFS it is ahead of most published networks, so it belongs in every table (Landauer, Skopik, Wurzenberger, FSE 2024, arXiv 2309.02854).
Its rules are kinds of evidence that `logsentry.scoring.counting` explains: `--set kinds='["keys"]'` is "a key never seen",
`["keys", "length"]` and `["vector"]` the other two of the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from logsentry.baselines.observed import LONGEST, familiar, observed
from logsentry.errors import TrainingError
from logsentry.sdk import Part, Progress
from logsentry.text.known import Known

Evidence = Literal["keys", "length", "vector", "ngrams", "surprise"]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The default kinds do best on HDFS under a threshold from held-back sessions (`docs/measured.md`).

    `ngrams` sees order, which they do not; on HDFS it raises the threshold more than it finds. `surprise` says nearly the same.
    """

    kinds: Annotated[tuple[Evidence, ...], Meta(min_length=1, description="Kinds of evidence that take part.")] = (
        "keys",
        "length",
        "vector",
    )
    n: Annotated[int, Meta(ge=1, le=3, description="Keys in a run, for the kinds ngrams and surprise.")] = 2
    idf: Annotated[bool, Meta(description="Weigh rarer keys more in the distance of count vectors.")] = True
    vectors: Annotated[int, Meta(ge=1, description="Count vectors kept at most, the commonest first.")] = 10_000


class Counting:
    """Remembers keys, lengths, count vectors and n-grams; it satisfies `logsentry.sdk.Detector`."""

    Config: ClassVar[type[Settings]] = Settings
    max_length = LONGEST

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.known: Known | None = None

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Answers `distinct_windows` (by count vector), `kept_vectors`, `seen_keys` and `ngrams`. The seed is without effect."""
        counted = observed(windows, keys)
        self.known = Known.learn(familiar(windows), keys, self.config.n, self.config.vectors)
        progress(1, 1, "counted")
        return {
            "distinct_windows": float(len(counted.vectors)),
            "kept_vectors": float(len(self.known.vectors)),
            "seen_keys": float(len(self.known.seen)),
            "ngrams": float(len(self.known.ngrams)),
        }

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """One part without a graph: `known.json`. There is nothing to prove, so the probe is not used."""
        if self.known is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "known.json").write_bytes(self.known.to_bytes())
        settings: dict[str, int] = dict.fromkeys((str(kind) for kind in self.config.kinds), 1)
        settings["idf"] = int(self.config.idf)
        return [Part("counting", "known", file="known.json", settings=settings)]
