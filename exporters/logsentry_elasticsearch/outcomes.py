"""What a cluster's answer about one item means for the item: the one table, by HTTP status.

Error names differ between versions and products (`mapper_parsing_exception` became `document_parsing_exception`), so none decides
whether an item is kept, tried again or given up. One name is looked at, for the pace alone: a 429 because the disk is full
(`cluster_block_exception`) waits for a person, as a write block does, a 429 because the queue is full only for a moment.
"""

from __future__ import annotations

from typing import Any

import msgspec

from logsentry.sdk import Delivered, Outcome, Rejected, Retry, Unavailable
from logsentry_elasticsearch.connection import Answer, Broken

LONGEST_REASON = 500
_DISK_FULL = "cluster_block_exception"
_ABOUT_WHAT_WAS_SENT = (400, 413, 429)
"""Statuses of a whole request that are about it; with any other, no request would pass."""


class Said(msgspec.Struct, frozen=True):
    """What was said of one item, or of the `whole` request that it was in. A status of 0 means that no whole answer came.

    `unsure` means that it may have been stored all the same. `set_aside` means that the cluster took it into its failure store: its
    status looks like success, and nobody who searches the stream will find it.
    """

    status: int
    error: str = ""
    reason: str = ""
    whole: bool = False
    unsure: bool = False
    set_aside: bool = False


STORED = Said(201)


def of_item(item: dict[str, Any]) -> Said:
    """One entry of `items`, without the name of its action."""
    status, error = int(item["status"]), item.get("error")
    kind, reason = _error(error)
    return Said(
        status,
        error=kind,
        reason=reason or f"status {status}",
        unsure=status >= 500,
        set_aside=item.get("failure_store") == "used",
    )


def of_answer(answer: Answer) -> Said:
    """Said of every item of the request: the answer was not one entry an item.

    A 400 without an error of Elasticsearch's own is somebody else's, for instance of a server that wants https.
    """
    try:
        content = answer.json()
    except Unavailable:
        content = None
    kind, _ = _error(content.get("error")) if isinstance(content, dict) else ("", "")
    unsure = answer.status >= 500 or answer.status == 408
    return Said(answer.status, kind, _short(answer.reason(), answer.advice), whole=True, unsure=unsure)


def unsent(said: Said) -> Said:
    """The same of an item that was not sent at all."""
    return msgspec.structs.replace(said, unsure=False)


def to_halve(said: Said) -> bool:
    """Whether the request was refused for what is in it, so that parts of it may pass."""
    return said.status == 413 or (said.status == 400 and bool(said.error))


def of_broken(error: Broken) -> Said:
    return Said(0, reason=_short(str(error)), whole=True, unsure=error.sent)


def outcome(said: Said) -> Outcome:
    """What becomes of the item: stored, there already, again later, again when the place is mended, or never."""
    if said.set_aside:
        return Rejected(f"Elasticsearch put it into its failure store: {said.reason}", said.status, said.error or "failure_store")
    if said.status in (200, 201):
        return Delivered()
    if said.status == 409:
        return Delivered(duplicate=True)
    if said.status == 413 and said.whole:
        return Rejected("the document alone is larger than Elasticsearch, or a proxy before it, takes", 413, "too_large")
    if of_the_place(said):
        return Retry(said.reason, paused=True)
    if said.status in (408, 429) or said.status >= 500:
        return Retry(said.reason)
    return Rejected(f"Elasticsearch refuses it: {said.reason}", said.status, said.error)


def question(said: Said) -> Retry:
    """What becomes of an item about which a question was asked that got no answer: never is it given up for that."""
    return Retry(said.reason, paused=said.status != 429)


def of_the_place(said: Said) -> bool:
    """Whether it is the place that does not take anything now, rather than this item."""
    if said.whole:
        return said.status not in _ABOUT_WHAT_WAS_SENT or (said.status == 400 and not said.error)
    return said.status in (401, 403, 404) or (said.status == 429 and said.error == _DISK_FULL)


def _error(error: Any) -> tuple[str, str]:
    """(type, reason with its first cause) of an item's error; OpenSearch and Elasticsearch write it alike."""
    if not isinstance(error, dict):
        return "", _short(str(error or ""))
    kind, reason = str(error.get("type", "")), str(error.get("reason", ""))
    cause = error.get("caused_by")
    if isinstance(cause, dict) and cause.get("reason"):
        reason += f"; {cause['reason']}"
    return kind, _short(f"{kind}: {reason}")


def _short(text: str, end: str = "") -> str:
    """On one line, and not longer than a reason may be; `end` stays whole, since it is what a person can act on."""
    line = " ".join(text.split()).removesuffix(end)
    return line[: LONGEST_REASON - len(end)] + end
