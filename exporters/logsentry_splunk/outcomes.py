"""What an answer of the collector means for the scores that were sent: by HTTP status, never by its text."""

from __future__ import annotations

from logsentry.sdk import Delivered, Outcome, Rejected, Retry
from logsentry_splunk.connection import Answer, Broken

TOO_LARGE = 413

BUSY_SECONDS = 1.0
PAUSE_SECONDS = 5.0

CONFIGURED = {7, 10, 11, 14, 16}
"""Codes of a 400 that no event is to blame for: index not allowed, channel missing or invalid, acknowledgement off, query string."""


def meaning(answer: Answer | Broken) -> Outcome:
    """The end of each score of one request.

    401 and 403 are a token that somebody has to mend, and so are the codes in `CONFIGURED`: nothing passes until then, and nothing is
    thrown away. 404 is an address that is no collector. 503 and 429 are queues that are full: later.
    """
    if isinstance(answer, Broken):
        return Retry(str(answer), PAUSE_SECONDS, paused=True)
    if answer.status == 200 and answer.code in (0, -1):
        return Delivered()
    if answer.status in (429, 503):
        return Retry(answer.reason(), BUSY_SECONDS)
    if answer.status == TOO_LARGE or (answer.status == 400 and answer.code not in CONFIGURED):
        return Rejected(answer.reason(), answer.status, str(answer.code))
    return Retry(answer.reason(), PAUSE_SECONDS, paused=True)
