"""What a backfill is of: two ends of time, as a person types them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from logsentry.errors import UsageError
from logsentry.schema.event import timestamp

FINISHED = 3_600_000
"""Milliseconds after its end at which a backfill's last sessions are closed too: nothing more is to come by then."""


class Span(msgspec.Struct, frozen=True):
    """What a backfill is of: records from `since` on and before `until`, in milliseconds since 1970; without both it is the job itself."""

    since: int | None = None
    until: int | None = None

    @property
    def backfill(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def folder(self) -> str:
        """Added to the name of the job's state folder."""
        ends = ["" if end is None else timestamp(end * 1_000_000).replace(":", "") for end in (self.since, self.until)]
        return f"-backfill-{ends[0] or 'beginning'}-{ends[1] or 'now'}" if self.backfill else ""

    def finished(self, now: int) -> bool:
        return self.until is not None and self.until + FINISHED <= now


def moment(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 date or time, in UTC where it does not say; raises `UsageError` for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; write for instance 2026-01-31 or 2026-01-31T12:00:00Z") from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def span(since: str | None, until: str | None) -> Span:
    """Raises `UsageError` where it is empty."""
    found = Span(None if since is None else moment(since), None if until is None else moment(until))
    if found.since is not None and found.until is not None and found.since >= found.until:
        raise UsageError(f"nothing lies from {since} on and before {until}")
    return found
