"""ECS documents in place of raw logs: nested or dotted they are one, and whatever a line holds, it is an event or a bad record."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from logsentry.errors import BadRecord
from logsentry.pipeline.build import make_source
from logsentry.schema.event import Event
from logsentry.schema.record import Record
from logsentry.sdk import Filtered
from logsentry.server.ecs_events import DEEPEST, EcsEvents, nanoseconds

EVENTS = EcsEvents(make_source("http-access"))


def decoded(line: bytes | Any, offset: int = 0) -> Event | Filtered:
    data = line if isinstance(line, bytes) else json.dumps(line).encode()
    found = EVENTS.decode(Record(data, "test", "origin", offset, {}))
    if isinstance(found, Filtered):
        return found
    (event,) = found
    return event


def event(line: Any, offset: int = 0) -> Event:
    found = decoded(line, offset)
    assert isinstance(found, Event)
    return found


def test_nested_and_dotted_are_the_same() -> None:
    nested = {"@timestamp": "2015-05-19T01:02:03.5Z", "source": {"ip": "192.0.2.1"}, "http": {"response": {"status_code": 404}}}
    dotted = {"@timestamp": "2015-05-19T01:02:03.5Z", "source.ip": "192.0.2.1", "http.response": {"status_code": 404}}
    assert event(nested).fields == event(dotted).fields == {"source.ip": "192.0.2.1", "http.response.status_code": 404}
    assert (event(nested).time, event(nested).source) == (1_431_997_323_500_000_000, "http-access")


def test_the_id_is_the_documents_own_or_of_its_place() -> None:
    assert event({"event": {"id": "mine"}}).id == "mine"
    assert event({"a": 1}).id != event({"a": 1}, offset=7).id


def test_what_was_logged_is_kept() -> None:
    assert event({"message": "m", "event": {"original": "raw"}}).message == "m"
    assert event({"message": "m", "event": {"original": "raw"}}).original == b"raw"
    assert event({"event.original": "raw"}).message == "raw"


def test_values_that_no_field_holds_are_left_out_and_lists_become_texts() -> None:
    assert event({"a": None, "b": [], "c": [1, 2], "d": [1, "x"], "e": {}, "f": True}).fields == {
        "c": [1, 2],
        "d": ["1", "x"],
        "f": True,
    }


@pytest.mark.parametrize(
    ("time", "wanted"),
    [
        ("2015-05-19T00:00:00Z", 1_431_993_600_000_000_000),
        ("2015-05-19T02:00:00+02:00", 1_431_993_600_000_000_000),
        ("2015-05-19T00:00:00", 1_431_993_600_000_000_000),
        (1_431_993_600_000, 1_431_993_600_000_000_000),
        ("2015-05-19T00:00:00.123456Z", 1_431_993_600_123_456_000),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("1601-01-01T00:00:00Z", -11_644_473_600_000_000_000),
    ],
)
def test_times(time: str | int, wanted: int) -> None:
    assert nanoseconds(time) == wanted


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"1", b"null", b"\xff", b'{"@timestamp":"yesterday"}', b'{"a":NaN}', b'{"@timestamp":true}']
)
def test_what_is_no_document_is_a_bad_record(line: bytes) -> None:
    with pytest.raises(BadRecord):
        decoded(line)


def test_a_blank_line_is_filtered() -> None:
    assert isinstance(decoded(b"  \r"), Filtered)


def test_depth_is_bounded() -> None:
    assert event(json.loads('{"a":' * DEEPEST + "1" + "}" * DEEPEST)).fields
    for depth in (DEEPEST + 2, 900, 100_000):
        with pytest.raises(BadRecord):
            decoded(b'{"a":' * depth + b"1" + b"}" * depth)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
documents = st.dictionaries(
    st.sampled_from(["@timestamp", "message", "event", "event.id", "event.original", "a"]) | st.text(), anything
)


@given(st.binary() | documents.map(lambda document: json.dumps(document).encode()))
@example(b'{"@timestamp":1e999}')
@example(b'{"@timestamp":1e300}')
@example(b'{"@timestamp":"0001-01-01T00:00:00+14:00"}')
@example(b'{"@timestamp":"9999-12-31T23:59:59-14:00"}')
@example(b'{"@timestamp":"2015-W20"}')
@example(b'{"message":"\\ud800"}')
@example(b'{"@timestamp":-99999999999999999999}')
def test_any_bytes_are_an_event_a_filtered_line_or_a_bad_record(line: bytes) -> None:
    try:
        found = decoded(line)
    except BadRecord:
        return
    assert isinstance(found, Event | Filtered)
    if isinstance(found, Event):
        assert msgspec.json.encode(found.document())
