"""What Kibana shows of scores, as its saved objects: three data views, charts, the list of alerts, and the dashboard that holds them.

Ids are fixed, so an import puts new objects in place of its own old ones. The form of an object is in `kibana_saved`, the charts are in
`kibana_charts`, and how all of it gets into Kibana is in `kibana`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from logsentry_elasticsearch.kibana_charts import counts, entities, risks
from logsentry_elasticsearch.kibana_saved import ALERTS, SCORES, SOURCES, Object, looking_at, saved
from logsentry_elasticsearch.names import Names

DASHBOARD = "logsentry-overview"
LINK = "logsentry.source.document"
"""A field that the data view computes: `index?id=…` of each source document, which its format makes a link of."""

LINK_SCRIPT = """\
def source = params._source.logsentry?.source;
if (source == null || source.id == null || source.index == null) { return; }
def ids = source.id instanceof List ? source.id : [source.id];
def indices = source.index instanceof List ? source.index : [source.index];
for (int i = 0; i < ids.size() && i < 100; i++) { emit(indices[i < indices.size() ? i : 0] + '?id=' + ids[i]); }"""
"""It reads the document, since a field of many values gives them back sorted, and so apart from one another. More than 100 values of a
computed field are an error in Elasticsearch.
"""

_COLUMNS = ["message", "event.risk_score", "logsentry.key", "logsentry.detector", "logsentry.p_value", "logsentry.events", LINK]


def objects(names: Names, sources: Sequence[str]) -> list[Object]:
    """Every object, each after those that it refers to; `sources` are the patterns of what is scored.

    A namespace that is set up for itself has objects of its own, so that it does not take the place of the common ones.
    """
    end = f"-{names.namespace}" if names.namespace else ""
    panels = [counts(), risks(), entities(), _alerts()]
    views = [
        _view(SCORES, "Logsentry scores", names.stream("scores"), SOURCES + end),
        _view(ALERTS, "Logsentry alerts", names.stream("alerts"), SOURCES + end),
        saved("index-pattern", SOURCES, _view_attributes("Logsentry sources", ",".join(sources) or "*,-.*"), []),
    ]
    return [_ending(item, end) for item in (*views, *panels, _dashboard(panels))]


def _ending(item: Object, end: str) -> Object:
    """The same with ids that end so, its own and those that it refers to, and a title that tells."""
    references = [reference | {"id": reference["id"] + end} for reference in item["references"]]
    shown = "name" if "name" in item["attributes"] else "title"
    attributes = item["attributes"] | {shown: item["attributes"][shown] + (f" ({end[1:]})" if end else "")}
    return item | {"id": item["id"] + end, "references": references, "attributes": attributes}


def ndjson(found: Sequence[Object]) -> bytes:
    return "".join(json.dumps(item, separators=(",", ":")) + "\n" for item in found).encode()


def _view(name: str, title: str, pattern: str, sources: str) -> Object:
    link = {"id": "url", "params": {"urlTemplate": f"../app/discover#/doc/{sources}/{{{{rawValue}}}}", "labelTemplate": "open"}}
    more = {
        "fieldFormatMap": json.dumps({LINK: link}),
        "runtimeFieldMap": json.dumps({LINK: {"type": "keyword", "script": {"source": LINK_SCRIPT}}}),
    }
    return saved("index-pattern", name, _view_attributes(title, pattern) | more, [])


def _view_attributes(title: str, pattern: str) -> dict[str, Any]:
    empty = {"fieldAttrs": "{}", "fieldFormatMap": "{}", "runtimeFieldMap": "{}", "fields": "[]", "sourceFilters": "[]"}
    return {"name": title, "title": pattern, "timeFieldName": "@timestamp", **empty}


def _alerts() -> Object:
    found = {"columns": list(_COLUMNS), "sort": [["event.risk_score", "desc"], ["@timestamp", "desc"]]}
    return saved(
        "search", "logsentry-alert-list", {"title": "Alerts", "description": "", **found, **looking_at(ALERTS)}, [ALERTS]
    )


def _dashboard(panels: Sequence[Object]) -> Object:
    places = [(0, 0, 24, 12), (24, 0, 24, 12), (0, 12, 16, 18), (16, 12, 32, 18)]
    placed, references = [], []
    for number, (panel, (x, y, w, h)) in enumerate(zip(panels, places, strict=True), start=1):
        index, name = str(number), f"panel_{number}"
        grid = {"x": x, "y": y, "w": w, "h": h, "i": index}
        shown = {"type": panel["type"], "panelIndex": index, "panelRefName": name, "gridData": grid}
        placed.append(shown | {"embeddableConfig": {"enhancements": {}}})
        references.append({"id": panel["id"], "name": f"{index}:{name}", "type": panel["type"]})
    attributes = {
        "title": "Logsentry: scores and alerts",
        "description": "What was scored, who is strangest, and each alert with a link to its source document",
        "panelsJSON": json.dumps(placed),
        "optionsJSON": json.dumps({"useMargins": True, "hidePanelTitles": False}),
        "timeRestore": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps({"query": {"query": "", "language": "kuery"}, "filter": []})},
    }
    return saved("dashboard", DASHBOARD, attributes, []) | {"references": references}
