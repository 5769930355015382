"""Rules in the place of a template miner: an event becomes the id of the heaviest rule that matches it.

A rule is searched (Python's `re`) in the event's line, or with `field` in that field, always in its first `CUT` characters. So that nobody
who can write a log line can stall whoever reads it, `re` is not let loose: `ways.py` bounds beforehand how many ways a pattern has to
try, and refuses it beyond that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from logsentry.errors import BundleRefused, ConfigError
from logsentry.schema.event import Event
from logsentry.schema.profile import Profile
from logsentry.schema.window import Window
from logsentry.stages.filters import DomainFilter
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, Vocabulary
from logsentry.text.ways import CUT, MOST_WAYS, ways

SNAPSHOT = 1
NO_RULE = "an event that no rule matches"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`weight` is what one matching event adds to the strangeness of its window."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    regex: Annotated[str, Meta(min_length=1, max_length=2000)]
    weight: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    field: str = ""


def checked(rules: tuple[Rule, ...], where: str) -> tuple[Rule, ...]:
    """The same rules; raises `ConfigError` for names that come twice and patterns that `re` refuses or that may take too long."""
    names = [rule.name for rule in rules]
    for rule in rules:
        if names.count(rule.name) > 1:
            raise ConfigError(f"{where}: two rules are called {rule.name!r}; rename one")
        try:
            tried = ways(rule.regex)
        except (re.error, OverflowError, RecursionError) as error:
            raise ConfigError(f"{where}: the pattern of {rule.name!r} is no regular expression: {error}") from error
        if tried > MOST_WAYS:
            raise ConfigError(
                f"{where}: the pattern of {rule.name!r} has so many ways to match that a hostile line could stall it; "
                "write bounded repeats, such as {0,20}, or possessive ones, such as *+, where * and + are"
            )
    return rules


class RuleKeys:
    """Reads events as ids: `FIRST_KEY` where no rule matches, then one id a rule, in the order of the file."""

    def __init__(self, profile: Profile, rules: tuple[Rule, ...]) -> None:
        self.profile, self.rules = profile, rules
        names = (NO_RULE, *(rule.name for rule in rules))
        self.vocabulary = Vocabulary(tuple(range(len(names))), names)
        self._filter = DomainFilter(profile)
        heaviest_first = sorted(range(len(rules)), key=lambda at: -rules[at].weight)
        self._searches = [(re.compile(rules[at].regex).search, rules[at].field, at + FIRST_KEY + 1) for at in heaviest_first]

    def weights(self) -> list[float]:
        """Of each id the weight of its rule; 0 for those that are none."""
        return [0.0] * (FIRST_KEY + 1) + [rule.weight for rule in self.rules]

    def line(self, event: Event) -> str:
        """The event as rules see it: the fields that the profile keeps, as templates see them too."""
        return self._filter.line(event)

    def key(self, event: Event) -> int:
        line = self.line(event)[:CUT]
        for search, field, key in self._searches:
            text = _text(event, field) if field else line
            if text is not None and search(text):
                return key
        return FIRST_KEY

    def encode(self, window: Window) -> tuple[int, ...]:
        """`[BEGIN, k1 … kn, END]`"""
        return (BEGIN, *[self.key(event) for event in window.events], END)

    def text(self, key: int) -> str:
        return self.vocabulary.text(key)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "rules",
            "version": SNAPSHOT,
            "profile": msgspec.to_builtins(self.profile),
            "rules": [msgspec.to_builtins(rule) for rule in self.rules],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RuleKeys:
        """Raises `BundleRefused` where the snapshot is from another version, incomplete, or holds a rule that is refused."""
        if (data.get("kind"), data.get("version")) != ("rules", SNAPSHOT):
            raise BundleRefused(
                f"the rules were written in version {data.get('version')!r}; this program reads version {SNAPSHOT}"
            )
        try:
            rules = msgspec.convert(data["rules"], tuple[Rule, ...])
            return cls(msgspec.convert(data["profile"], Profile), checked(rules, "the bundle"))
        except (KeyError, msgspec.ValidationError, ConfigError) as error:
            raise BundleRefused(f"the rules cannot be read: {error}") from error


def _text(event: Event, field: str) -> str | None:
    """The start of a field, members of a list joined by blanks; None where the event lacks it."""
    value = event.fields.get(field)
    if value is None:
        return None
    return " ".join(map(str, value))[:CUT] if isinstance(value, list) else str(value)[:CUT]
