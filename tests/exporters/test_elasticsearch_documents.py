"""What stands in a score document: only fields of the table, valid in ECS, the same for the same score."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logsentry_elasticsearch.documents import MOST_RELATED, SEVERITIES, document, line, message
from logsentry_elasticsearch.fields import COPIED, FIELDS, LOGSENTRY, properties

from logsentry.schema.ecs import field_types, unknown_names, wrong_types
from logsentry.sdk import Address, Event, Reason, Scored, Window
from logsentry.testing.exporter_contract import scored

VALUES = st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.lists(st.text())
EVENTS = st.builds(
    Event,
    id=st.uuids().map(lambda found: found.hex),
    time=st.none() | st.integers(0, 2**62),
    source=st.sampled_from(["sysmon", "http-access"]),
    fields=st.dictionaries(st.sampled_from([*COPIED, "related.ip", "winlog.channel", "_id", "@timestamp"]) | st.text(), VALUES),
    message=st.text(),
    original=st.binary(),
)
ITEMS = st.builds(
    Scored,
    window=st.builds(Window, key=st.text(), events=st.lists(EVENTS, min_size=1, max_size=4).map(tuple)),
    score=st.just(scored(9).score),
    addresses=st.lists(st.builds(Address, index=st.text(), id=st.text()), max_size=2).map(tuple),
)


def flat(document: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(document, dict) and name != "logsentry.fields":
        for key, value in document.items():
            yield from flat(value, f"{name}.{key}" if name else key)
    elif isinstance(document, list | tuple) and document and isinstance(document[0], dict):
        for value in document:
            yield from flat(value, name)
    else:
        yield name, document


@given(ITEMS, st.sampled_from(["scores", "alerts"]))
def test_every_field_is_in_the_table(item: Scored, kind: Any) -> None:
    names = {name for name, _ in flat(document(item, item.id, kind, "default"))}
    assert names <= set(FIELDS)
    assert names >= {"@timestamp", "event.kind", "event.risk_score", "logsentry.id", "logsentry.value", "data_stream.dataset"}


@given(ITEMS)
def test_a_document_is_two_lines_of_json(item: Scored) -> None:
    action, body, nothing = line(item, item.id, "scores", "default").split(b"\n")
    assert json.loads(action) == {"create": {"_id": item.id}}
    found = json.loads(body)
    assert found["logsentry"]["key"] == item.window.key
    assert found["logsentry"]["events"] == len(item.window.events)
    assert nothing == b""


@given(ITEMS)
def test_what_an_event_says_is_taken_over_unchanged(item: Scored) -> None:
    first = item.window.events[0]
    found = dict(flat(document(item, item.id, "alerts", "default")))
    assert all(found[name] == value for name, value in first.fields.items() if name in COPIED)
    left = found.get("logsentry.fields", {})
    assert set(left) == {name for name in first.fields if name not in COPIED and "\0" not in name}


def test_names_are_those_of_ecs() -> None:
    names = [name for name in FIELDS if not name.startswith("logsentry.")]
    assert unknown_names(names) == []
    found = dict(flat(document(scored(9), scored(9).id, "alerts", "default")))
    assert wrong_types({name: value for name, value in found.items() if name in field_types()}) == []


def test_no_field_is_above_another() -> None:
    assert not [(one, other) for one in FIELDS for other in FIELDS if other.startswith(one + ".")]
    assert set(properties()) == {name.split(".")[0] for name in FIELDS}
    assert not set(COPIED) & (set(FIELDS) - set(COPIED) | set(LOGSENTRY))


def test_risk_is_the_scores_own_and_severity_elastics_figure_for_it() -> None:
    item = scored(9)
    event = document(item, item.id, "alerts", "default")["event"]
    assert (event["risk_score"], event["severity"]) == (item.score.risk, SEVERITIES[item.score.severity])
    assert list(SEVERITIES.values()) == [21, 47, 73, 99]


@given(st.text())
def test_a_message_is_one_short_line(text: str) -> None:
    item = scored(9)
    item = msgspec.structs.replace(
        item,
        window=Window(text, item.window.events),
        score=msgspec.structs.replace(item.score, why=(Reason(text),)),
    )
    found = message(item)
    assert found.isprintable()
    assert len(found) < 500


def test_related_entities_come_from_all_events_once_and_not_without_end() -> None:
    events = scored(1, events=300).window.events
    events = tuple(
        msgspec.structs.replace(
            event, fields={"related.ip": ["10.0.0.1", f"10.1.{at // 250}.{at % 250}"], "related.user": "root"}
        )
        for at, event in enumerate(events)
    )
    found = document(msgspec.structs.replace(scored(1), window=Window("k", events)), "id", "scores", "default")["related"]
    assert found["user"] == ["root"]
    assert found["ip"][:3] == ["10.0.0.1", "10.1.0.0", "10.1.0.1"]
    assert len(found["ip"]) == MOST_RELATED


@pytest.mark.parametrize("fields", [{"url.path": "\ud800"}, {"source.port": 2**70}])
def test_what_is_no_json_is_said(fields: dict[str, Any]) -> None:
    item = scored(1)
    event = msgspec.structs.replace(item.window.events[0], fields=fields)
    with pytest.raises(TypeError):
        line(msgspec.structs.replace(item, window=Window("k", (event,))), "id", "scores", "default")
