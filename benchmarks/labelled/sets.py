"""What a classifier is to learn from and what it is asked about, as files of one label each. Which those are is for each
source's module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from logsentry.pipeline.build import make_source
from logsentry.pipeline.corpus import read_all
from logsentry.schema.event import Event
from logsentry.schema.profile import Profile, Windowing


class Group(msgspec.Struct, frozen=True):
    """What stands or falls together: a scenario, a rule, a process. Paths of files, each of one label."""

    name: str
    benign: tuple[str, ...] = ()
    malicious: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True):
    """Learn from some groups, be asked about others.

    `bare` names the fields that give the laboratory away, left out in a second reading; `telling` is the one field that a rival
    reads alone. `budget` is the share of benign windows that may alert, `settings` are of the detectors.
    """

    source: str
    left_out: str
    learn: tuple[Group, ...]
    ask: tuple[Group, ...]
    telling: str
    bare: tuple[str, ...]
    budget: float
    fit_share: float = 0.7
    single: bool = False
    settings: dict[str, Any] = {}

    def profile(self, bare: bool = False) -> Profile:
        """The source's own, every event by itself where `single`."""
        profile = make_source(self.source).profile
        if self.single:
            profile = msgspec.structs.replace(profile, windows=Windowing())
        if bare:
            kept = tuple(field for field in profile.fields if field.name not in self.bare)
            profile = msgspec.structs.replace(profile, fields=kept)
        return profile


def files_of(groups: Iterable[Group]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Benign and malicious files of all groups, each once."""
    groups = tuple(groups)
    benign, malicious = (
        (path for group in groups for path in group.benign),
        (path for group in groups for path in group.malicious),
    )
    return tuple(dict.fromkeys(benign)), tuple(dict.fromkeys(malicious))


def events_of(source: str, path: Path) -> list[Event]:
    """Raises `TrainingError` where the file holds none."""
    return read_all(make_source(source), [str(path)], lambda done, total, note: None)[0]


def parted(name: str, events: Sequence[Event], malicious: Callable[[Event], bool], folder: Path) -> Group:
    """The events as they were read, in two files by their label; a label without an event has no file."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: tuple[list[bytes], list[bytes]] = ([], [])
    for event in events:
        lines[malicious(event)].append(event.original.rstrip(b"\n") + b"\n")
    written = [written_to(folder / f"{name}.{label}", some) for label, some in zip(("benign", "malicious"), lines, strict=True)]
    return Group(name, *written)


def written_to(path: Path, lines: Sequence[bytes]) -> tuple[str, ...]:
    """The path, as a tuple of one; empty where there are no lines."""
    if not lines:
        return ()
    path.write_bytes(b"".join(lines))
    return (str(path),)
