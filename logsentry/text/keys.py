"""What turns windows of events into key ids, whichever way: log keys mined from lines, or rules of a file.

`LogKeys` and `RuleKeys` are such; a bundle holds one of them as `logkeys.json`, and this module knows which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any, Protocol, runtime_checkable

from logsentry.schema.event import Event
from logsentry.schema.profile import Profile
from logsentry.schema.window import Window
from logsentry.text.logkeys import LogKeys
from logsentry.text.rules import RuleKeys
from logsentry.text.token_keys import TokenKeys


class Keys(Protocol):
    """Reads events as ids, always in the same way."""

    @property
    def profile(self) -> Profile: ...

    @property
    def vocabulary(self) -> Sized:
        """Its length is the number of ids, special ones included."""
        ...

    def line(self, event: Event) -> str:
        """The event as its detector sees it."""
        ...

    def encode(self, window: Window) -> tuple[int, ...]:
        """`[BEGIN, k1 … kn, END]`, or the tokens of a text without begin and end."""
        ...

    def text(self, key: int) -> str: ...

    def to_json(self) -> dict[str, Any]: ...


@runtime_checkable
class ChoosesKeys(Protocol):
    """A detector that does not want the log keys mined from lines, but its own."""

    def learn_keys(self, profile: Profile, events: Iterable[Event]) -> Keys: ...


@runtime_checkable
class ReadsTexts(Protocol):
    """A detector that learns from what templates say, and not from their ids alone."""

    def told(self, texts: Sequence[str]) -> None:
        """Called before `fit` with the text of every id."""
        ...


def keys_from_json(data: Mapping[str, Any]) -> Keys:
    """The keys that `to_json` wrote; raises `BundleRefused` for anything else."""
    if data.get("kind") == "tokens":
        return TokenKeys.from_json(data)
    return RuleKeys.from_json(data) if data.get("kind") == "rules" else LogKeys.from_json(dict(data))
