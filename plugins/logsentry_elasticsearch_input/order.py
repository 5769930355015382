"""The field that documents are read in the order of, and what an index says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from logsentry_elasticsearch.connection import Answer, Cluster

from logsentry.sdk import InputError, Unavailable

INGESTED, HAPPENED = "event.ingested", "@timestamp"
DATES = {"date", "date_nanos"}


class Order(msgspec.Struct, frozen=True):
    """`field` in `nanos` (else milliseconds) since 1970 in sort values. `lacking` documents have no such field, so they are not found."""

    field: str
    nanos: bool
    mixed: bool
    lacking: int

    def sort(self) -> list[dict[str, Any]]:
        """By the field, and documents that were ingested in one moment by when they happened; else as they were written."""
        first: dict[str, Any] = {"order": "asc", "unmapped_type": "date", **({"numeric_type": "date"} if self.mixed else {})}
        keys: list[dict[str, Any]] = [{self.field: first}]
        if self.field != HAPPENED:
            keys.append({HAPPENED: {"order": "asc", "unmapped_type": "date", "numeric_type": "date"}})
        return [*keys, {"_seq_no": "asc"}]  # which stays when segments are merged, as the order within a point in time does not

    def milliseconds(self, value: int) -> int:
        return value // 1_000_000 if self.nanos else value


def found_order(cluster: Cluster, index: str, query: dict[str, Any], field: str) -> Order:
    """The order by `field`, or by the best field that there is; raises `InputError` where the index is missing or has no such date."""
    asked = [field] if field else [INGESTED, HAPPENED]
    kinds = _kinds(cluster, index, asked)
    if not field and kinds.get(INGESTED) and kinds[INGESTED] <= DATES:
        ingested = _order(cluster, index, query, INGESTED, kinds[INGESTED])
        if not ingested.lacking:  # the usual templates map it, and only a pipeline fills it
            return ingested
    chosen = asked[-1]
    found = kinds.get(chosen, set()) & DATES
    if not found:
        other = "" if field else "; say with time_field which date documents are to be read in the order of"
        raise InputError(f"{index} has no date field {chosen}{other}")
    return _order(cluster, index, query, chosen, found)


def _order(cluster: Cluster, index: str, query: dict[str, Any], field: str, kinds: set[str]) -> Order:
    return Order(field, kinds == {"date_nanos"}, len(kinds) > 1, _lacking(cluster, index, query, field))


def _kinds(cluster: Cluster, index: str, fields: Sequence[str]) -> dict[str, set[str]]:
    """{field: its types}, `unmapped` among them where some of the indices do not have it."""
    params = {"fields": ",".join(fields), "include_unmapped": "true"}
    answer = checked(cluster.request("GET", f"/{quoted(index)}/_field_caps", params=params), index)
    said = answer.json()
    if not said["indices"]:
        raise InputError(f"no index matches {index}")
    return {name: set(types) for name, types in said["fields"].items()}


def _lacking(cluster: Cluster, index: str, query: dict[str, Any], field: str) -> int:
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": [query], "must_not": [{"exists": {"field": field}}]}},
    }
    answer = checked(cluster.request("POST", f"/{quoted(index)}/_search", body, {"filter_path": "hits.total.value"}), index)
    return int(answer.json()["hits"]["total"]["value"])


def quoted(index: str) -> str:
    """The names as part of a path; `<logs-{now/d}>` is one of them too."""
    return quote(index, safe=",*:@")


def checked(answer: Answer, index: str) -> Answer:
    """The answer where it is good; raises `Unavailable` for what may pass, and `InputError` for what a person must mend."""
    if answer.status == 200:
        return answer
    if answer.status in (401, 403):
        raise InputError(f"Elasticsearch does not let this user read {index}: {answer.reason()}")
    if answer.status == 404:
        raise InputError(f"there is no index {index} to read: {answer.reason()}")
    if answer.status == 400:
        raise InputError(f"Elasticsearch refuses the search of {index}: {answer.reason()}")
    raise Unavailable(f"Elasticsearch cannot read {index} now: {answer.reason()}")
