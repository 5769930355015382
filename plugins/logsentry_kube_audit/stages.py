"""One request, one event: the server writes up to three lines about it, told apart by their `stage`.

`RequestReceived` waits until a later stage of the same `auditID` is read, which says all that it said and more. `ResponseStarted`
(a watch, an exec: they may last for hours) is told at once, and what follows it is left out. Only a *different* stage of a request
is left out: two lines of the same last stage are two requests, whatever their ids say.

A wait ends, by the log's own clock, after some seconds, or when too many wait; then the request is told as it is known, so
that one whose last stage never comes is not lost. A record that holds several events (`EventList`) ends when the last of its
own is decided. After a restart in the middle of a watch, its end is told as a request of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from logsentry.sdk import BadRecord, Event, Filtered, Joined, Record
from logsentry_kube_audit.chunks import Chunks

_FIRST, _LASTS = "RequestReceived", ("ResponseComplete", "Panic")
_EARLIER = "an earlier stage of a request that is told by a later one"
_TOLD = "another stage of a request that is told already"
_REMEMBERED = 20_000


class _Held(msgspec.Struct):
    """One record, or its pieces, with the events that it will end with; those in `waiting` (auditID -> place) may be left out."""

    records: tuple[Record, ...]
    events: list[Event | None]
    waiting: dict[str, int]
    since: int | None


class Stages:
    """Holds records back while one of their requests may still be told better; `decode` is the source's own."""

    def __init__(self, decode: Callable[[Record], Sequence[Event] | Filtered], wait_seconds: float, max_waiting: int) -> None:
        self._decode = decode
        self._wait = int(wait_seconds * 1e9)
        self._max_waiting = max_waiting
        self._chunks = Chunks()
        self._held: dict[str, _Held] = {}  # by each auditID that waits, oldest first
        self._told: dict[str, str] = {}  # auditID -> the stage that was told

    def feed(self, record: Record) -> Iterator[Joined]:
        for records, whole in self._chunks.add(record):
            yield from self._decoded(records, whole)

    def _decoded(self, records: tuple[Record, ...], whole: Record) -> Iterator[Joined]:
        try:
            decoded = self._decode(whole)
        except BadRecord as refused:
            yield Joined(records, bad=str(refused))
            return
        if isinstance(decoded, Filtered):
            yield Joined(records, filtered=decoded.reason)
            return
        yield from self._take(records, decoded)
        yield from self._released(next((event.time for event in decoded if event.time is not None), None))

    def flush(self) -> Iterator[Joined]:
        for records, whole in self._chunks.rest():
            yield from self._decoded(records, whole)
        while self._held:
            yield from self._release(next(iter(self._held)))

    def _take(self, records: tuple[Record, ...], events: Sequence[Event]) -> Iterator[Joined]:
        held = _Held(records, list(events), {}, events[0].time)
        for place, event in enumerate(events):
            audit_id, stage = _identity(event)
            if not audit_id:
                continue
            told = self._told.get(audit_id, stage)
            if told != stage or (stage == _FIRST and audit_id in self._held):
                held.events[place] = None
            elif stage == _FIRST:
                held.waiting[audit_id] = place
                self._held[audit_id] = held
            else:
                yield from self._tell(audit_id, stage, held)
        if not held.waiting:
            yield _ended(held, _TOLD)

    def _tell(self, audit_id: str, stage: str, by: _Held) -> Iterator[Joined]:
        """A later stage was read: the first one, if it waits, is left out, and its record may end with that."""
        self._remember(audit_id, stage)
        waiting = self._held.pop(audit_id, None)
        if waiting is None:
            return
        waiting.events[waiting.waiting.pop(audit_id)] = None
        if not waiting.waiting and waiting is not by:
            yield _ended(waiting, _EARLIER)

    def _released(self, now: int | None) -> Iterator[Joined]:
        while self._held:
            audit_id, oldest = next(iter(self._held.items()))
            waited = now is not None and oldest.since is not None and now - oldest.since > self._wait
            if not waited and len(self._held) <= self._max_waiting:
                return
            yield from self._release(audit_id)

    def _release(self, audit_id: str) -> Iterator[Joined]:
        held = self._held.pop(audit_id)
        del held.waiting[audit_id]
        self._remember(audit_id, _FIRST)
        if not held.waiting:
            yield _ended(held, _EARLIER)

    def _remember(self, audit_id: str, stage: str) -> None:
        self._told[audit_id] = stage
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]


def _identity(event: Event) -> tuple[str, str]:
    """(auditID, stage); a line without a stage counts as a last one."""
    stage = event.fields.get("kubernetes.audit.stage", _LASTS[0])
    return str(event.fields.get("kubernetes.audit.auditID", "")), str(stage)


def _ended(held: _Held, reason: str) -> Joined:
    events = tuple(event for event in held.events if event is not None)
    return Joined(held.records, events) if events else Joined(held.records, filtered=reason)
