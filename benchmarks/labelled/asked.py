"""A question as windows with labels: those that were learned from or held back, and those that are asked about and say
something new.

A window that says what one of the learning set says is not asked about, as `logsentry train` does with what it holds back.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from labelled.sets import Group, Question, files_of
from logsentry.pipeline.build import make_source
from logsentry.pipeline.corpus import read_all, windows_of
from logsentry.pipeline.labelled_corpus import Contents, Labelled, Split, read_examples, split
from logsentry.schema.profile import Profile
from logsentry.schema.window import Window


class Asked(msgspec.Struct, frozen=True):
    """`windows` are the new ones, with their `labels` and the number of their group, `[windows]` each; `repeats` counts the
    benign and the malicious windows of the asked groups that are not new."""

    profile: Profile
    parted: Split
    windows: list[Window]
    labels: np.ndarray
    groups: np.ndarray
    repeats: tuple[int, int]


def asked(question: Question, bare: bool = False, seed: int = 1) -> Asked:
    """Raises `TrainingError` where there is too little to learn from."""
    source, profile = make_source(question.source), question.profile(bare)
    examples = read_examples(source, profile, *files_of(question.learn), (), {}, lambda done, total, note: None)
    known = {one.content for one in examples.labelled}
    content = Contents(source, profile, {})
    rows, repeats = list[tuple[Window, int, int]](), [0, 0]
    for number, group in enumerate(question.ask):
        for label, paths in enumerate((group.benign, group.malicious)):
            for window in _windows(question, profile, paths):
                if content.of(window) in known:
                    repeats[label] += 1
                else:
                    rows.append((window, label, number))
    windows, labels, groups = zip(*rows, strict=True)
    return Asked(
        profile,
        split(examples.labelled, question.fit_share, seed),
        list(windows),
        np.array(labels),
        np.array(groups),
        (repeats[0], repeats[1]),
    )


def _windows(question: Question, profile: Profile, paths: Sequence[str]) -> list[Window]:
    if not paths:
        return []
    return windows_of(read_all(make_source(question.source), paths, lambda done, total, note: None)[0], profile)


__all__ = ["Asked", "Group", "Labelled", "asked"]
