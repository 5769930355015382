"""Labelled windows for a classifier: read from benign and malicious files, or from rows that carry their label, and split.

A window that was learned from is never measured on, nor is one that says the same: whoever calls this counts how well a classifier
tells what it has not seen. Where every window has a time, the earliest share is learned from; else distinct contents are dealt out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from logsentry.errors import TrainingError, UsageError
from logsentry.pipeline.corpus import LEAST_HELD_BACK, read_all, windows_of
from logsentry.schema.books import Books
from logsentry.schema.event import Event
from logsentry.schema.profile import Profile
from logsentry.schema.window import Window
from logsentry.sdk import Progress, Source
from logsentry.text.token_keys import IDS, GivenIds, TokenKeys, carries_ids, reading_of

LABEL = ("tokens.y", "tokens.label")
"""Fields of a row that carries its label, the first that it has: 0 or 1, or one of `NAMES`."""
NAMES = {"benign": 0, "clean": 0, "malicious": 1, "malware": 1}


class Labelled(msgspec.Struct, frozen=True):
    """A window with its label, 0 benign or 1 malicious, and a digest of what is read of it."""

    window: Window
    label: int
    content: str


class Examples(msgspec.Struct, frozen=True):
    """What was read, in order of time where there is one; `dead` says of each record why it could not be read."""

    events: tuple[Event, ...]
    labelled: tuple[Labelled, ...]
    books: Books
    dead: tuple[str, ...]


class Split(msgspec.Struct, frozen=True):
    """`repeats` counts later windows that say what a window learned from says: they are neither learned from nor measured on."""

    fit: tuple[Labelled, ...]
    held_back: tuple[Labelled, ...]
    repeats: int
    by_time: bool


def read_examples(
    source: Source,
    profile: Profile,
    benign: Sequence[str],
    malicious: Sequence[str],
    rows: Sequence[str],
    options: dict[str, Any],
    progress: Progress,
) -> Examples:
    """Windows of benign files, of malicious ones, and `rows` that carry their label. Raises `TrainingError` where a label is missing."""
    content = Contents(source, profile, options)
    events, found, books, dead = list[Event](), list[Labelled](), Books(), tuple[str, ...]()
    for paths, label in ((benign, 0), (malicious, 1), (rows, None)):
        if not paths:
            continue
        some, counted, bad = read_all(source, paths, progress)
        events += some
        books, dead = _added(books, counted), dead + bad
        for window in windows_of(some, profile):
            found.append(Labelled(window, label_of(window) if label is None else label, content.of(window)))
    if missing := [name for name, y in (("benign", 0), ("malicious", 1)) if all(one.label != y for one in found)]:
        raise TrainingError(f"no {missing[0]} window was read, and a classifier learns from both; name {missing[0]} files")
    return Examples(tuple(events), tuple(sorted(found, key=lambda one: one.window.time or 0)), books, dead)


def label_of(window: Window) -> int:
    """The label that a row carries. Raises `TrainingError` where it has none."""
    fields = window.events[0].fields
    value = next((fields[name] for name in LABEL if name in fields), None)
    label = NAMES.get(value.lower()) if isinstance(value, str) else value
    if type(label) is not int or label not in (0, 1):
        raise TrainingError(f"a row has the label {value!r}; give y 0 or 1, or a label among {', '.join(NAMES)}")
    return label


def _added(one: Books, other: Books) -> Books:
    return Books(*(getattr(one, name) + getattr(other, name) for name in Books.__struct_fields__))


class Contents:
    """Digests of what is read of windows, before any vocabulary: equal digests give equal ids under every tokenizer."""

    def __init__(self, source: Source, profile: Profile, options: dict[str, Any]) -> None:
        self._keys = TokenKeys(profile, GivenIds(3), reading_of(source.name, options))

    def of(self, window: Window) -> str:
        digest = blake2b(digest_size=16)
        for event in window.events:
            parts: Iterable[object] = event.fields.get(IDS, ()) if carries_ids(event) else self._keys.pieces(event)  # type: ignore[assignment]
            digest.update(" ".join(map(str, parts)).encode("utf-8", "surrogatepass") + b"\n")
        return digest.hexdigest()


def split(labelled: Sequence[Labelled], fit_share: float, seed: int) -> Split:
    """Raises `TrainingError` where too little is left to hold back."""
    by_time = all(one.window.time is not None for one in labelled)
    fitted = _earliest(labelled, fit_share) if by_time else _dealt(labelled, fit_share, seed)
    learned = tuple(one for place, one in enumerate(labelled) if place in fitted)
    known = {one.content for one in learned}
    later = [one for place, one in enumerate(labelled) if place not in fitted]
    held_back = tuple(one for one in later if one.content not in known)
    check_enough(learned, held_back)
    return Split(learned, held_back, len(later) - len(held_back), by_time)


def check_enough(learned: Sequence[Labelled], held_back: Sequence[Labelled]) -> None:
    """Raises `TrainingError` where a side lacks a label, or too few benign windows are held back."""
    benign = sum(not one.label for one in held_back)
    if len({one.label for one in learned}) < 2 or benign < LEAST_HELD_BACK or benign == len(held_back):
        raise TrainingError(
            f"the split leaves {len(learned)} windows to learn from and {benign} benign and {len(held_back) - benign} malicious "
            f"new ones to measure on; it takes both labels on each side and {LEAST_HELD_BACK} benign: give more logs, or another fit share"
        )


def _earliest(labelled: Sequence[Labelled], share: float) -> set[int]:
    """Places of the earliest share of each label: benign and malicious files are rarely of the same weeks."""
    found = set[int]()
    for label in (0, 1):
        own = [place for place, one in enumerate(labelled) if one.label == label]
        found.update(own[: int(len(own) * share)])
    return found


def _dealt(labelled: Sequence[Labelled], share: float, seed: int) -> set[int]:
    """Places of whole contents: those that came most often first, each to the side that is further below its share of its label."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(labelled):
        places.setdefault(one.content, []).append(place)
    found, taken, seen = set[int](), [0, 0], [0, 0]
    for content in sorted(places, key=lambda one: (-len(places[one]), _chance(seed, one))):
        own = places[content]
        label = Counter(labelled[place].label for place in own).most_common(1)[0][0]
        seen[label] += len(own)
        if taken[label] + len(own) / 2 <= share * seen[label]:
            found.update(own)
            taken[label] += len(own)
    return found


def _chance(seed: int, content: str) -> bytes:
    return blake2b(f"{seed} {content}".encode(), digest_size=8).digest()


def need_share(share: float) -> None:
    if not 0.1 <= share <= 0.95:
        raise UsageError(f"a share of windows to learn from is between 0.1 and 0.95, not {share:g}")
