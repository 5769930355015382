"""Scores: the id of a scored window, and the document that `logsentry score` writes."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.schema.event import Event
from logsentry.schema.score import Delivered, Outcome, Reason, Rejected, Retry, Score, Scored
from logsentry.schema.window import Window


def event(id: str, time: int | None = 0) -> Event:
    return Event(id, time, "web", {}, "", b"")


SCORE = Score("ensemble@ab12", 0.75, 0.01, 0.5, (Reason("unexpected event", "e1", 2, "GET /x", ("GET /",), 7),), "13 of 25")
SCORED = Scored(Window("192.0.2.1", (event("e1"), event("e2"))), SCORE)


def test_an_id_names_the_detector_and_the_events_and_nothing_else() -> None:
    again = Scored(Window("another key", SCORED.window.events), msgspec.structs.replace(SCORE, value=0.1, why=(), degraded=True))
    assert again.id == SCORED.id
    assert len(SCORED.id) == 32
    other_detector = Scored(SCORED.window, msgspec.structs.replace(SCORE, detector="ensemble@cd34"))
    other_order = Scored(Window("k", (event("e2"), event("e1"))), SCORE)
    fewer = Scored(Window("k", (event("e1"),)), SCORE)
    assert len({SCORED.id, other_detector.id, other_order.id, fewer.id}) == 4


@given(st.lists(st.text("ab", min_size=1, max_size=3), max_size=4), st.lists(st.text("ab", min_size=1, max_size=3), max_size=4))
def test_windows_of_other_events_never_share_an_id(first: list[str], second: list[str]) -> None:
    ids = [Scored(Window("k", tuple(map(event, ids))), SCORE).id for ids in (first, second)]
    assert (ids[0] == ids[1]) == (first == second)


def test_the_document_has_the_promised_keys_and_is_json() -> None:
    document = json.loads(msgspec.json.encode(SCORED.document()))
    promised = {"id", "@timestamp", "source", "detector", "value", "p_value", "threshold", "alert", "why", "key", "events"}
    assert promised <= set(document)
    assert document["@timestamp"] == "1970-01-01T00:00:00.000Z"
    assert (document["alert"], document["events"], document["source"]) == (True, 2, "web")
    assert document["why"] == [
        {"what": "unexpected event", "event": "e1", "position": 2, "seen": "GET /x", "expected": ["GET /"], "rank": 7}
    ]


def test_a_reason_leaves_out_what_it_does_not_say() -> None:
    assert msgspec.to_builtins(Reason("far from ordinary windows")) == {"what": "far from ordinary windows"}


def test_a_window_without_times_has_none() -> None:
    assert Scored(Window("k", (event("e", None),)), SCORE).document()["@timestamp"] is None


def test_an_alert_begins_at_the_threshold() -> None:
    values = [0.4999, 0.5, 0.5001]
    assert [msgspec.structs.replace(SCORE, value=value).alert for value in values] == [False, True, True]


def test_outcomes_keep_their_kind_in_json() -> None:
    outcomes = [Delivered(), Delivered(duplicate=True), Retry("busy", 2.5), Rejected("no such field")]
    assert msgspec.json.decode(msgspec.json.encode(outcomes), type=list[Outcome]) == outcomes


@pytest.mark.parametrize(
    ("value", "risk", "severity"),
    [
        (-1, 0, "low"),
        (0, 0, "low"),
        (1, 29.29, "low"),
        (2, 50, "medium"),
        (4, 75, "high"),
        (7, 91.16, "critical"),
        (1e9, 100, "critical"),
    ],
)
def test_risk_is_fifty_at_the_threshold(value: float, risk: float, severity: str) -> None:
    score = Score("d@1", value, 0.1, 2.0)
    assert (score.risk, score.severity) == (risk, severity)


def test_risk_where_the_threshold_tells_nothing() -> None:
    assert [Score("d@1", value, 0.1, 0.0).risk for value in (-1.0, 0.0, 1.0)] == [0, 100, 100]
    assert Score("d@1", float("inf"), 0.1, 1.0).risk == 100
