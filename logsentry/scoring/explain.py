"""Findings in words: what was strange of a window, told with the window's own events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from logsentry.schema.score import Reason
from logsentry.schema.window import Window
from logsentry.scoring.judge import Finding
from logsentry.scoring.probability import Stand
from logsentry.text.keys import Keys
from logsentry.text.token_keys import TokenKeys
from logsentry.text.vocabulary import END, UNK


def reasons(found: Sequence[Finding], window: Window, keys: Keys, stand: Stand | None = None) -> tuple[Reason, ...]:
    """One reason a finding, in the same order; last how likely malice is, where anything was found or nobody can be sure."""
    if isinstance(keys, TokenKeys):
        told = tuple(_of_tokens(found, window, keys))
    else:
        told = tuple(_reason(finding, window, keys) for finding in found)
    return (*told, Reason(stand.sentence())) if stand and (told or stand.unsure) else told


def _of_tokens(found: Sequence[Finding], window: Window, keys: TokenKeys) -> Iterator[Reason]:
    """A window of one event is not read again to say which event a token came from."""
    placed = any(finding.position >= 0 for finding in found) and len(window.events) > 1
    places = keys.places(window) if placed else None
    for finding in found:
        seen = keys.text(finding.key) if finding.key >= 0 else ""
        if finding.position < 0:
            yield Reason(finding.said, seen=seen)
        else:
            event = window.events[places[finding.position] if places else 0]
            yield Reason(finding.said, event.id, finding.position, seen)


def _reason(finding: Finding, window: Window, keys: Keys) -> Reason:
    seen = keys.text(finding.key) if finding.key >= 0 else ""
    if finding.position < 0:
        return Reason(finding.said, seen=seen)
    expected = tuple(keys.text(key) for key in finding.expected)
    if finding.key == END:
        what = finding.said or "ends where it was expected to go on"
        return Reason(what, position=len(window.events), seen=seen, expected=expected, rank=finding.rank)
    event = window.events[finding.position - 1]
    usual = "was never seen in training, or hardly ever" if finding.key == UNK else "is not expected here"
    return Reason(finding.said or usual, event.id, finding.position - 1, keys.line(event), expected, finding.rank)
