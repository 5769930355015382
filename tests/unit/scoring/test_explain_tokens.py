"""Reasons of a classifier name the event that a token came from, and end with how likely malice is."""

from __future__ import annotations

from logsentry.schema.event import Event
from logsentry.schema.profile import Profile, Windowing
from logsentry.schema.window import Window
from logsentry.scoring.explain import reasons
from logsentry.scoring.judge import Finding
from logsentry.scoring.probability import Stand
from logsentry.text.token_keys import COUNT, IDS, GivenIds, TokenKeys

KEYS = TokenKeys(Profile((), Windowing()), GivenIds(9, ("", "", "", "open", "close")))
SURE = Stand(0.93, "malicious", (0.2, 0.8))


def window(*rows: list[int]) -> Window:
    return Window("k", tuple(Event(f"e{at}", None, "t", {IDS: row, COUNT: len(row)}, "", b"") for at, row in enumerate(rows)))


def test_a_token_is_told_with_its_event() -> None:
    found = [Finding(0, key=3, said="first"), Finding(3, key=4, said="last"), Finding(-1, said="all")]
    told = reasons(found, window([3, 5], [], [6, 4]), KEYS)
    assert [(reason.what, reason.event, reason.position, reason.seen) for reason in told] == [
        ("first", "e0", 0, "open"),
        ("last", "e2", 3, "close"),
        ("all", "", -1, ""),
    ]
    assert reasons(found[:2], window([3, 5, 6, 4]), KEYS)[1].event == "e0"


def test_the_probability_comes_last_where_something_is_said() -> None:
    found = [Finding(0, key=3, said="first")]
    assert [reason.what for reason in reasons(found, window([3]), KEYS, SURE)] == [
        "first",
        "is malicious with a probability of 93.0%",
    ]
    assert reasons([], window([3]), KEYS, SURE) == ()
    (unsure,) = reasons([], window([3]), KEYS, Stand(0.5, "unsure", (-1.0, 0.8)))
    assert unsure.what == "is malicious with a probability of 50.0%, and between 0% and 80% no verdict is sure"
