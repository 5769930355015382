"""What a user may say of the input `elasticsearch`, and the query that follows from it."""

from __future__ import annotations

from typing import Annotated, Any

from logsentry_elasticsearch.connection import Connection
from msgspec import Meta

LARGEST_PAGE = 10_000
"""`index.max_result_window` as Elasticsearch sets it by default; a larger page is refused there."""


class ElasticsearchInputConfig(Connection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is read: the documents of `index` (names, patterns and data streams, with commas between) that match `query`, which is a
    mapping in Elasticsearch's query language, or a text for its `query_string`.

    `record` is the field that holds what the source reads: `message` means `event.original` where a document has it, else
    `message`; `document` the whole document as JSON. Documents are read in the order of `time_field`: where it is left out,
    `event.ingested` if every document has it, else `@timestamp`.

    A pass begins `overlap` seconds before the place where the last one stopped, so that documents that came late are found, and
    takes nothing younger than `delay` seconds. `page` documents are asked for at a time, by `slices` requests beside each other.

    The cluster is reached as an exporter reaches it: `url` or `cloud_id`; `api_key`, or `username` and `password`; `ca_file`,
    `fingerprint` or `insecure`; `timeout` in seconds for one request; `compress` its body.
    """

    index: Annotated[str, Meta(min_length=1)]
    query: str | dict[str, Any] = ""
    record: Annotated[str, Meta(min_length=1)] = "message"
    time_field: str = ""
    overlap: Annotated[float, Meta(ge=0)] = 300.0
    delay: Annotated[float, Meta(ge=0)] = 10.0
    page: Annotated[int, Meta(ge=1, le=LARGEST_PAGE)] = 2_000
    slices: Annotated[int, Meta(ge=1, le=64)] = 1

    @property
    def filter(self) -> dict[str, Any]:
        """The query as Elasticsearch takes it."""
        if isinstance(self.query, dict):
            return self.query or {"match_all": {}}
        return {"query_string": {"query": self.query}} if self.query.strip() else {"match_all": {}}
