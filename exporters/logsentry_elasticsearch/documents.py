"""From a score to the documents that are stored: what stands in which field.

Nothing that an event says decides an index or an id: the id is the score's own digest, the stream is named by the configuration. The
field names and their types are in `fields.py`; sending is left to `bulk.py`.
"""

from __future__ import annotations

import time
from typing import Any, Literal

import msgspec
import orjson

from logsentry.sdk import Event, Scored, timestamp
from logsentry_elasticsearch.fields import COPIED

Stored = Literal["scores", "alerts"]

ECS_VERSION = "9.5.0"
SEVERITIES = {"low": 21, "medium": 47, "high": 73, "critical": 99}
"""The figures by which Elastic Security knows the four severities."""

MOST_RELATED = 100
"""Of each kind of related entity: a session of thousands of addresses must not become a document of thousands."""

_RELATED = {name: f"related.{name}" for name in ("ip", "user", "hosts", "hash")}
_PATHS = {name: name.split(".") for name in COPIED}


def line(item: Scored, id_: str, kind: Stored, namespace: str) -> bytes:
    """The two lines of a bulk request that create the document `id_` of this score or alert.

    Raises `ValueError` or `TypeError` where something in it cannot be written as JSON: half a surrogate pair, a time outside the years 1 to
    9999, an integer of more than 64 bits.
    """
    return b'{"create":{"_id":"%b"}}\n%b\n' % (id_.encode(), orjson.dumps(document(item, id_, kind, namespace)))


def document(item: Scored, id_: str, kind: Stored, namespace: str) -> dict[str, Any]:
    """The document of a score, or of its alert. A window without a time gets the present one, since a data stream needs one.

    What people read (`message`, `rule`, the event's other fields) stands in alerts alone: each field more that is indexed in every
    score makes writing slower.
    """
    window, score, first = item.window, item.score, item.window.events[0]
    found = _copied(first)
    found["@timestamp"] = timestamp(time.time_ns() if first.time is None else first.time)
    found["ecs"] = {"version": ECS_VERSION}
    found["data_stream"] = {"type": "logs", "dataset": f"logsentry.{kind}", "namespace": namespace}
    found["logsentry"] = scored(item, id_)
    found.setdefault("event", {}).update(
        kind="alert" if kind == "alerts" else "event",
        module="logsentry",
        dataset=f"logsentry.{kind}",
        risk_score=score.risk,
        severity=SEVERITIES[score.severity],
    )
    if len(window.events) > 1:
        found["event"].update(_span(window.events))
    if related := _related(window.events):
        found["related"] = related
    if item.addresses:
        found["logsentry"]["source"].update(index=[a.index for a in item.addresses], id=[a.id for a in item.addresses])
    if kind == "alerts":
        _alerting(found, item)
    return found


def _alerting(found: dict[str, Any], item: Scored) -> None:
    """What an alert has beside its score: a sentence, the rule that Elastic's own alerts would have, and the event's other fields."""
    name, _, digest = item.score.detector.partition("@")
    rule = {"id": item.score.detector, "name": f"logsentry {name}", "version": digest}
    found |= {"message": message(item), "rule": {**rule, "ruleset": "logsentry", "category": "anomaly"}}
    fields = item.window.events[0].fields
    if left := {name: value for name, value in fields.items() if name not in COPIED and "\0" not in name}:
        found["logsentry"]["fields"] = left


def scored(item: Scored, id_: str) -> dict[str, Any]:
    """The object `logsentry`, alike in a document of its own and inside the source document."""
    score, window = item.score, item.window
    name, _, digest = score.detector.partition("@")
    return {
        "id": id_,
        "detector": name,
        "digest": digest,
        "value": score.value,
        "p_value": score.p_value,
        "threshold": score.threshold,
        "alert": score.alert,
        "votes": score.votes,
        "why": msgspec.to_builtins(score.why),
        "key": window.key,
        "events": len(window.events),
        "degraded": score.degraded,
        "source": {"name": window.events[0].source},
    }


def message(item: Scored) -> str:
    """One line for people; Elastic's rule "External Alerts" takes it as the name of the alert's rule."""
    why = f": {_shown(item.score.why[0].what)}" if item.score.why else ""
    return f"Unusual {item.window.events[0].source} activity of {_shown(item.window.key)}{why}"


def _shown(text: str) -> str:
    """At most 200 characters, and none of those that move a cursor or break a line."""
    text = text[:200]
    return text if text.isprintable() else "".join(c if c.isprintable() else "�" for c in text)


def _copied(event: Event) -> dict[str, Any]:
    """The event's fields that a score document has too, nested. No name among them is the parent of another."""
    found: dict[str, Any] = {}
    for name, value in event.fields.items():
        path = _PATHS.get(name)
        if path is not None:
            inner = found
            for parent in path[:-1]:
                inner = inner.setdefault(parent, {})
            inner[path[-1]] = value
    return found


def _span(events: tuple[Event, ...]) -> dict[str, str]:
    """From when to when; of a window of one event its `@timestamp` says it."""
    times = [event.time for event in events if event.time is not None]
    return {"start": timestamp(min(times)), "end": timestamp(max(times))} if times else {}


def _related(events: tuple[Event, ...]) -> dict[str, list[Any]]:
    """Entities of all the window's events, each once, in the order in which they came up, and no more than `MOST_RELATED` of a kind."""
    found: dict[str, dict[Any, None]] = {}
    for event in events:
        for name, full in _RELATED.items():
            value = event.fields.get(full)
            if value is not None:
                found.setdefault(name, {}).update(dict.fromkeys(value if isinstance(value, list) else [value]))
    return {name: list(values)[:MOST_RELATED] for name, values in found.items()}
