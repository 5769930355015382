"""The charts of the dashboard, as Kibana keeps them: what is counted, by what, and how it is drawn.

Each is a saved object of the type `visualization`, whose state is JSON in text; fields are those of `fields`. Which objects there are
beside these is in `kibana_objects`.
"""

from __future__ import annotations

import json
from typing import Any

from logsentry_elasticsearch.kibana_saved import ALERTS, SCORES, Object, looking_at, saved


def counts() -> Object:
    """Windows in time, alerts apart."""
    split = {"field": "logsentry.alert", "orderBy": "_key", "order": "asc", "size": 2}
    return _chart("logsentry-windows", "Windows scored", "histogram", ("count", {}), split)


def risks() -> Object:
    """The highest risk in time, detectors apart; a risk is comparable between detectors, and their values are not."""
    split = {"field": "logsentry.detector", "orderBy": "1", "order": "desc", "size": 5}
    return _chart("logsentry-risk", "Highest risk", "line", ("max", {"field": "event.risk_score"}), split)


def _chart(name: str, title: str, kind: str, metric: tuple[str, dict[str, Any]], split: dict[str, Any]) -> Object:
    time = {"field": "@timestamp", "interval": "auto", "min_doc_count": 1, "useNormalizedEsInterval": True}
    aggs = [_agg(1, metric[0], "metric", metric[1]), _agg(2, "date_histogram", "segment", time), _agg(3, "terms", "group", split)]
    axis = {"show": True, "style": {}, "labels": {"show": True, "truncate": 100}, "title": {}}
    params = {
        "type": kind,
        "addLegend": True,
        "addTooltip": True,
        "legendPosition": "bottom",
        "grid": {"categoryLines": False},
        "categoryAxes": [{"id": "CategoryAxis-1", "type": "category", "position": "bottom", "scale": {"type": "linear"}, **axis}],
        "valueAxes": [
            {
                "id": "ValueAxis-1",
                "name": "LeftAxis-1",
                "type": "value",
                "position": "left",
                "scale": {"type": "linear", "mode": "normal"},
                **axis,
            }
        ],
        "seriesParams": [
            {
                "show": True,
                "type": kind,
                "mode": "stacked" if kind == "histogram" else "normal",
                "data": {"label": title, "id": "1"},
                "valueAxis": "ValueAxis-1",
                "drawLinesBetweenPoints": True,
                "showCircles": True,
            }
        ],
        "times": [],
    }
    return _visualization(name, title, SCORES, kind, aggs, params)


def entities() -> Object:
    """Who alerts: sessions' keys by their highest risk."""
    aggs = [
        _agg(1, "max", "metric", {"field": "event.risk_score", "customLabel": "Highest risk"}),
        _agg(2, "count", "metric", {"customLabel": "Alerts"}),
        _agg(3, "max", "metric", {"field": "@timestamp", "customLabel": "Last"}),
        _agg(
            4, "terms", "bucket", {"field": "logsentry.key", "orderBy": "1", "order": "desc", "size": 20, "customLabel": "Entity"}
        ),
    ]
    return _visualization("logsentry-entities", "Top entities", ALERTS, "table", aggs, {"perPage": 10, "showTotal": False})


def _agg(number: int, kind: str, schema: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"id": str(number), "enabled": True, "type": kind, "schema": schema, "params": params}


def _visualization(name: str, title: str, view: str, kind: str, aggs: list[dict[str, Any]], params: dict[str, Any]) -> Object:
    state = {"title": title, "type": kind, "aggs": aggs, "params": params}
    attributes = {"title": title, "description": "", "uiStateJSON": "{}", "version": 1, "visState": json.dumps(state)}
    return saved("visualization", name, attributes | looking_at(view), [view])
