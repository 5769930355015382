"""A score as HEC events: one for the score, and one more for the alert, with the names of Splunk's Common Information Model.

Nothing of a log decides where an event goes: index, host, source and sourcetype are the configuration's and ours.
"""

from __future__ import annotations

from typing import Any

import orjson

from logsentry.sdk import Event, Rejected, Scored
from logsentry_splunk.connection import SplunkConfig

SEVERITIES = {"low": "2", "medium": "3", "high": "4", "critical": "5"}
"""`severity_id` of an alert, from 1 (informational) to 5."""

SUBJECTS = {
    "src": ("source.ip", "source.address", "client.ip"),
    "dest": ("destination.ip", "destination.address", "host.name", "orchestrator.resource.name", "url.domain"),
    "user": ("user.name", "user.id", "client.user.name"),
    "process": ("process.executable", "process.name"),
    "url": ("url.original", "url.path"),
}
"""A field of the Common Information Model -> the ECS fields it is taken from, the first that an event has."""

RISKY = (("user", "user"), ("dest", "system"), ("src", "system"))
"""What a risk is put on: the first of these that the window has, and what kind of thing that is."""


def events_of(item: Scored, config: SplunkConfig) -> bytes | Rejected:
    """The HEC events of a score, one after another; rejected where JSON cannot hold it."""
    events = [_envelope(item, config, "score", {"logsentry": _said(item)})]
    if item.score.alert and not item.silent:
        events.append(_envelope(item, config, "alert", {"logsentry": _said(item), **_alert(item)}))
    try:
        return b"\n".join(map(orjson.dumps, events))
    except orjson.JSONEncodeError as error:  # half a surrogate pair, an integer beyond 64 bits
        return Rejected(f"the score {item.id} cannot be written as JSON: {error}")


def _envelope(item: Scored, config: SplunkConfig, kind: str, event: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"host": config.host, "source": "logsentry", "sourcetype": f"logsentry:{kind}", "event": event}
    if config.index:
        made["index"] = config.index
    if item.window.time is not None:
        made["time"] = item.window.time // 1_000_000 / 1000
    made["fields"] = {
        "logsentry_detector": item.score.detector.partition("@")[0],
        "logsentry_source": item.window.events[0].source,
        "logsentry_alert": str(item.score.alert).lower(),
    }
    return made


def _said(item: Scored) -> dict[str, Any]:
    """What `logsentry score` writes, with where the window's records stand."""
    document = {**item.document(), "risk": item.score.risk, "severity": item.score.severity}
    if item.addresses:
        document["documents"] = [f"{address.index}/{address.id}" for address in item.addresses]
    return document


def _alert(item: Scored) -> dict[str, Any]:
    """The Alerts data model, and the fields by which Enterprise Security makes a risk event of it."""
    subjects = {name: value for name, names in SUBJECTS.items() if (value := _first(item.window.events, names))}
    detector, why = item.score.detector.partition("@")[0], item.score.why
    told = f"{detector} finds {item.window.key} strange" + (f": {why[0].what}" if why else "")
    alert: dict[str, Any] = {
        "id": item.id,
        "app": "logsentry",
        "type": "alert",
        "signature": f"logsentry {detector}",
        "signature_id": item.score.detector,
        "severity": item.score.severity,
        "severity_id": SEVERITIES[item.score.severity],
        "description": told,
        **subjects,
    }
    for name, kind in RISKY:
        if name in subjects:
            alert |= {
                "risk_object": subjects[name],
                "risk_object_type": kind,
                "risk_score": item.score.risk,
                "risk_message": told,
            }
            break
    return alert


def _first(events: tuple[Event, ...], names: tuple[str, ...]) -> str:
    return next((str(event.fields[name]) for name in names for event in events if name in event.fields), "")
