"""Scores as a place that keeps them gives them back, for reports and for questions."""

from __future__ import annotations

from typing import Any

import msgspec

from logsentry.schema.score import Reason


class StoredScore(msgspec.Struct, frozen=True):
    """One score; `time` in nanoseconds since 1970, `events` is their number, `run` the pass that stored it."""

    id: str
    time: int | None
    source: str
    detector: str
    key: str
    value: float
    p_value: float
    threshold: float
    alert: bool
    events: int
    why: tuple[Reason, ...]
    votes: str
    degraded: bool
    run: str


class StoredEvent(msgspec.Struct, frozen=True):
    """One event of a score; `time` in nanoseconds since 1970."""

    position: int
    id: str
    time: int | None
    message: str
    original: str
    fields: dict[str, Any]


class Columns(msgspec.Struct, frozen=True):
    """One entry a score, in order of time: what a histogram and a timeline are counted from."""

    values: tuple[float, ...]
    times: tuple[int | None, ...]
    alerts: tuple[bool, ...]
