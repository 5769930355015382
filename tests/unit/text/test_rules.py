"""Rules in the place of templates: which rule an event gets, and which rules are refused."""

from __future__ import annotations

import pytest

from logsentry.errors import BundleRefused, ConfigError
from logsentry.schema.event import Event
from logsentry.schema.profile import Field, Profile, Windowing
from logsentry.schema.window import Window
from logsentry.text.rules import NO_RULE, Rule, RuleKeys, checked
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY
from logsentry.text.ways import CUT

PROFILE = Profile(fields=(Field("url.path"), Field("user_agent.original")), windows=Windowing())
RULES = (Rule("climbs", "[.][.]/", 2.0, "url.path"), Rule("tool", "sqlmap", 3.0), Rule("tagged", "^x y$", field="tags"))


def event(path: str = "/", agent: str = "Firefox", **more: list[str]) -> Event:
    return Event("id", None, "test", {"url.path": path, "user_agent.original": agent, **more}, "", b"")


def test_an_event_gets_its_heaviest_rule() -> None:
    keys = RuleKeys(PROFILE, RULES)
    climbs, tool, tagged = range(FIRST_KEY + 1, FIRST_KEY + 4)
    events = (event(), event("/../a"), event("/../a", "sqlmap/1"), event(tags=["x", "y"]), event(agent="../"))
    assert keys.encode(Window("w", events)) == (BEGIN, FIRST_KEY, climbs, tool, tagged, FIRST_KEY, END)
    assert (keys.text(FIRST_KEY), keys.text(tool), len(keys.vocabulary)) == (NO_RULE, "tool", FIRST_KEY + 4)


def test_only_the_beginning_of_a_line_is_searched() -> None:
    keys = RuleKeys(PROFILE, RULES)
    assert keys.key(event("/" + "a" * (CUT - 4) + "../")) == FIRST_KEY + 1
    assert keys.key(event("/" + "a" * CUT + "../")) == FIRST_KEY


def test_they_travel_as_json() -> None:
    keys = RuleKeys(PROFILE, RULES)
    again = RuleKeys.from_json(keys.to_json())
    assert (again.rules, again.profile) == (keys.rules, keys.profile)
    assert again.key(event("/../")) == FIRST_KEY + 1


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"kind": "templates"},
        {"rules": [{"name": "a"}]},
        {"rules": [{"name": "a", "regex": "(a+)+"}]},
        {"profile": 1},
    ],
)
def test_a_snapshot_that_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BundleRefused, match="rules"):
        RuleKeys.from_json(RuleKeys(PROFILE, RULES).to_json() | change)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((Rule("a", "b"), Rule("a", "c")), "two rules are called 'a'"),
        ((Rule("a", "("),), "no regular expression"),
        ((Rule("a", "a{99999999999}"),), "no regular expression"),
        ((Rule("a", "(" * 900 + ")" * 900),), "no regular expression"),
        ((Rule("a", "(a+)+$"),), "so many ways"),
        ((Rule("a", ".*x.*y"),), "so many ways"),
    ],
)
def test_rules_are_refused_by_name(rules: tuple[Rule, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        checked(rules, "rules.yaml")
