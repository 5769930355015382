"""What counting found, told: how one window differs from all that were seen, each kind of evidence in its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from logsentry.scoring.judge import Finding
from logsentry.text.counts import count
from logsentry.text.vocabulary import END, UNK

if TYPE_CHECKING:
    from logsentry.scoring.counting import Counting

MOST = 5
"""Findings kept of one window."""

NEVER = "was never seen in training"


def told(names: Sequence[str], judge: Counting, ids: np.ndarray) -> tuple[Finding, ...]:
    """Findings of the kinds `names`, in their order, on one window, ids `[length]`; one a place and key."""
    found: dict[tuple[int, int], Finding] = {}
    for name in names:
        for finding in TELL[name](judge, ids):
            found.setdefault((finding.position, finding.key), finding)
    return tuple(found.values())[:MOST]


def new_keys(judge: Counting, ids: np.ndarray) -> Iterator[Finding]:
    """Of `UNK` it is said elsewhere that it may only have been rare."""
    for at in np.flatnonzero(judge.unseen(ids)):
        yield Finding(int(at), key=int(ids[at]), said="" if ids[at] == UNK else NEVER)


def length(judge: Counting, ids: np.ndarray) -> Iterator[Finding]:
    events = len(ids) - 2
    yield Finding(-1, said=f"has {_events(events)}; the nearest length seen in training is {judge.nearest_length(events)}")


def vector(judge: Counting, ids: np.ndarray) -> Iterator[Finding]:
    """The keys whose counts differ from the most similar window of training, the largest difference first."""
    counts = count(ids[None], judge.known.keys)
    alike = judge.vectors[judge.nearest(counts).place[0]]
    apart = counts[0] - alike
    for key in np.argsort(-np.abs(apart), kind="stable")[:MOST]:
        if apart[key]:
            said = f"{here(counts[0, key])}; the most similar training window {there(alike[key])}"
            yield Finding(-1, key=int(key), said=said)


def ngrams(judge: Counting, ids: np.ndarray) -> Iterator[Finding]:
    """Runs never seen, told at their last key; runs with a key never seen are left to `new_keys`."""
    n, new = judge.known.n, judge.unseen(ids)
    for start in np.flatnonzero(judge.grams.unseen(ids[None])[0]):
        if not new[start : start + n].any():
            yield _after(judge, ids, int(start) + n - 1)


def surprise(judge: Counting, ids: np.ndarray) -> Iterator[Finding]:
    """The most surprising key alone."""
    yield _after(judge, ids, int(judge.grams.surprise(ids[None])[0].argmax()) + judge.known.n - 1)


def _after(judge: Counting, ids: np.ndarray, at: int) -> Finding:
    key = int(ids[at])
    said = "" if key == END else "never came in training, or hardly ever, after what is before it"
    usual = judge.grams.after(ids[at - judge.known.n + 1 : at].tolist())
    return Finding(at, key=key, expected=tuple(other for other in usual if other != key), said=said)


def here(number: float) -> str:
    return f"occurs {times(number)}" if number else "is missing"


def there(number: float) -> str:
    return f"has it {times(number)}" if number else "does not have it"


def times(number: float) -> str:
    return "once" if number == 1 else f"{int(number):,} times"


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number:,} events"


TELL: dict[str, Callable[[Counting, np.ndarray], Iterator[Finding]]] = {
    "keys": new_keys,
    "length": length,
    "vector": vector,
    "ngrams": ngrams,
    "surprise": surprise,
}
