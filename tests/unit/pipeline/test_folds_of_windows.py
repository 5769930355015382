"""Cutting windows in folds: each is held back once, and no event is learned from by those that judge it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import TrainingError, UsageError
from logsentry.pipeline.build import make_detector
from logsentry.pipeline.corpus import Corpus
from logsentry.pipeline.folds import Cut, cut, held_back, learned_from, made, within
from logsentry.schema.books import Books
from logsentry.schema.event import Event
from logsentry.schema.profile import Field, Profile, Windowing
from logsentry.schema.window import Window
from logsentry.store.manifest import TrainingData
from logsentry.text.logkeys import LogKeys

PROFILE = Profile((Field("message"),), Windowing())


def window(number: int, size: int = 1, text: str = "started") -> Window:
    events = tuple(Event(str(at), at, "t", {"message": text}, text, b"") for at in range(number, number + size))
    return Window("w", events)


def corpus(windows: list[Window]) -> Corpus:
    half = len(windows) // 2
    data = TrainingData("", len(windows), len(windows), "", "")
    return Corpus(tuple(windows[:half]), tuple(windows[half:]), data, 1.0, Books(0, 0, 0, 0, 0), ())


@given(st.integers(2, 5), st.integers(100, 140))
def test_each_window_is_held_back_once(folds: int, count: int) -> None:
    windows = [window(number) for number in range(count)]
    cuts = cut(corpus(windows), folds)
    assert [one for each in cuts for one in each.held_back] == windows
    assert all(len(each.fit) + len(each.held_back) == count for each in cuts)
    assert list(learned_from(cuts)) == windows


def test_one_fold_is_the_split() -> None:
    whole = corpus([window(number) for number in range(10)])
    assert cut(whole, 1) == [Cut(whole.fit, whole.held_back)]
    assert learned_from(cut(whole, 1)) == whole.fit


def test_windows_that_share_an_event_with_what_was_learned_from_are_not_held_back() -> None:
    cuts = cut(corpus([window(number, size=3) for number in range(120)]), 3)
    assert [len(each.held_back) for each in cuts] == [38, 36, 38]
    for each in cuts:
        learned = {event.id for one in each.fit for event in one.events}
        assert all(event.id not in learned for one in each.held_back for event in one.events)


def test_too_few_windows_are_told() -> None:
    with pytest.raises(TrainingError, match="leave 18 in one of them"):
        cut(corpus([window(number) for number in range(90)]), 5)


def test_a_key_of_one_fold_alone_is_unknown_to_those_that_judge_it() -> None:
    cuts = cut(corpus([window(number, text="stopped" if number == 3 else "started") for number in range(60)]), 2)
    keys = LogKeys.learn(PROFILE, [event for one in learned_from(cuts) for event in one.events], 1)
    folds = held_back(cuts, keys)
    assert [[keys.text(key) for key in fold.lacks] for fold in folds] == [["stopped"], []]


def test_more_folds_than_seeds_are_refused() -> None:
    assert len(made(2, lambda: make_detector("pca", {}))) == 2
    with pytest.raises(UsageError, match="more than 100"):
        made(101, lambda: make_detector("pca", {}))


def test_the_bar_counts_folds() -> None:
    told: list[tuple[int, int, str]] = []
    within(lambda *said: told.append(said), 1, 4)(5, 10, "loss 1")
    assert told == [(15, 40, "fold 2 of 4, loss 1")]
