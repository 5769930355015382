"""Scores into Elasticsearch or OpenSearch: `elasticsearch:URL`.

    exporters:
      - elasticsearch:
          url: https://localhost:9200
          api_key: ${ELASTIC_API_KEY}
          namespace: default

`logsentry elastic setup` makes the templates beforehand. It sends each batch once and says what became of each item; waiting,
trying again and dead letters are the pipeline's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import msgspec

from logsentry.sdk import Outcome, Scored
from logsentry_elasticsearch.append import Append
from logsentry_elasticsearch.bulk import Bulk
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch.names import Names
from logsentry_elasticsearch.rollover import Earlier
from logsentry_elasticsearch.update import Update


class ElasticsearchConfig(Connection, frozen=True, forbid_unknown_fields=True):
    """Beside the options of the connection:

    `namespace` ends the names of the data streams. A `mode` of append makes documents of its own, update writes the score into the
    documents that were scored. A request has at most `chunk` documents and about `chunk_bytes` bytes, and up to `in_flight` requests
    are under way at once. `repeats` asks for every score whether an earlier backing index has it, even where the pass does not go on
    after an earlier one.
    """

    namespace: str = "default"
    mode: Literal["append", "update"] = "append"
    chunk: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 2_000
    chunk_bytes: Annotated[int, msgspec.Meta(ge=1_000)] = 5_000_000
    in_flight: Annotated[int, msgspec.Meta(ge=1, le=8)] = 2
    repeats: bool = False

    def check(self) -> None:
        """Raises `UsageError` where the options contradict each other, or a data stream cannot be called so."""
        super().check()
        Names(self.namespace or "default")


class Elasticsearch:
    """One document a score, under an id that the same score always has."""

    Config: ClassVar[type[msgspec.Struct]] = ElasticsearchConfig

    def __init__(self, config: ElasticsearchConfig) -> None:
        """Raises `UsageError` for options that cannot be; the cluster is not asked yet."""
        names = Names(config.namespace or "default")
        self._always = config.repeats
        self._cluster = Cluster(config)
        self.place = f"Elasticsearch at {self._cluster.named}"
        bulk = Bulk(self._cluster, config.chunk, config.chunk_bytes, config.in_flight)
        self._mode: Append | Update
        if config.mode == "append":
            self._mode = Append(bulk, Earlier(self._cluster), names, config.repeats)
        else:
            self._mode = Update(self._cluster, bulk)

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        """Raises `Untrusted` where the cluster cannot prove who it is; then nothing was sent."""
        return self._mode.export(batch)

    def expect_repeats(self, on: bool) -> None:
        """From now on scores may come that an earlier pass stored: ask for them first, where a rollover could hide them."""
        if isinstance(self._mode, Append):
            self._mode.repeats = on or self._always

    def close(self) -> None:
        self._cluster.close()
