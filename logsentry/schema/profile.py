"""What a source says of its own events, as data: which fields matter, which values are noise, which events belong together.

A profile is written once beside its parser, may be overridden in YAML, and travels inside every bundle, so that a detector
is always served with the normalizers it was trained with.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field that a detector sees: its ECS name and the normalizers its value passes, in order.

    `absent` stands for the field where an event lacks it, so that the number of tokens does not depend on it; an empty
    `absent` leaves the field out.
    """

    name: str
    normalizers: tuple[str, ...] = ()
    absent: str = ""


class SessionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events with equal values of `key` belong to one session until `gap_seconds` pass without one, or it is full."""

    key: tuple[str, ...]
    gap_seconds: float = 1800.0
    max_events: int = 128
    max_age_seconds: float = 86_400.0


class CountRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Windows of `size` events, a new one every `step`; with a `key`, counted for each entity apart."""

    size: int
    step: int
    key: tuple[str, ...] = ()


class TimeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Windows of `seconds` of event time, a new one every `step_seconds`; with a `key`, for each entity apart."""

    seconds: float
    step_seconds: float
    key: tuple[str, ...] = ()


class Windowing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How events become windows: exactly one of the three rules, or none of them: every event is a window of one."""

    session: SessionRule | None = None
    count: CountRule | None = None
    time: TimeRule | None = None


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source's domain filter (`fields`, in order of worth), noise rules and windows, and how its lines become templates.

    `delimiters` split a line into more tokens than blanks do (`/` in a path) before templates are mined. Templates never
    join lines that differ in one of their first `exact_words` - 1 words, and join others when this share of words, `similarity`, is equal.
    `parser` chooses how: Drain, or Spell, for which `similarity` is its tau and `exact_words` has no meaning.
    """

    fields: tuple[Field, ...]
    windows: Windowing
    delimiters: tuple[str, ...] = ()
    exact_words: int = 2
    similarity: float = 0.4
    parser: Literal["drain", "spell"] = "drain"
