"""Trials: run once, kept whole, gone on with, and never mixed up."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from logsentry.errors import ContractBroken
from logsentry.experiments import hdfs_data
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.ratings import Method, Ratings, Trial
from logsentry.experiments.trials import Asked, Trials
from logsentry.sdk import Progress


class Counted:
    """The trial, with how often it ran; `fails_at` is the run that is killed."""

    def __init__(self, trial: Trial, fails_at: int = 0) -> None:
        self._trial, self._fails_at, self.ran = trial, fails_at, 0

    def __call__(self, method: Method, benchmark: Benchmark, seed: int, progress: Progress) -> Ratings:
        self.ran += 1
        if self.ran == self._fails_at:
            raise KeyboardInterrupt
        return self._trial(method, benchmark, seed, progress)


@pytest.fixture
def asked(hdfs_folder: Path) -> list[Asked]:
    benchmark = hdfs_data.read(hdfs_folder)
    return [Asked(Method("pairs", "counting", {"members": count}), benchmark, seed) for count in (1, 3) for seed in (1, 2)]


def quiet(done: int, total: int, note: str) -> None:
    pass


def test_a_run_that_was_killed_goes_on_where_it_was(asked: list[Asked], trial: Trial, tmp_path: Path) -> None:
    killed = Counted(trial, fails_at=3)
    with pytest.raises(KeyboardInterrupt):
        list(Trials(tmp_path / "t", killed).run(asked, quiet))
    assert len(list((tmp_path / "t").iterdir())) == 2
    again = Counted(trial)
    finished = [done.ratings for _, done in Trials(tmp_path / "t", again).run(asked, quiet)]
    assert again.ran == 2
    assert finished == [done.ratings for _, done in Trials(tmp_path / "other", Counted(trial)).run(asked, quiet)]
    fresh = Counted(trial)
    list(Trials(tmp_path / "t", fresh, fresh=True).run(asked, quiet))
    assert fresh.ran == 4


def test_a_fresh_run_that_was_killed_goes_on_as_well(asked: list[Asked], trial: Trial, tmp_path: Path) -> None:
    list(Trials(tmp_path, trial).run(asked, quiet))
    with pytest.raises(KeyboardInterrupt):
        list(Trials(tmp_path, Counted(trial, fails_at=2), fresh=True).run(asked, quiet))
    again = Counted(trial)
    list(Trials(tmp_path, again).run(asked, quiet))
    assert again.ran == 3


def test_what_is_asked_names_the_file(asked: list[Asked]) -> None:
    one = asked[0]
    renamed = one._replace(method=msgspec.structs.replace(one.method, name="other", note="other"))
    assert renamed.digest == one.digest
    other = [
        one._replace(seed=9),
        one._replace(method=msgspec.structs.replace(one.method, options={"members": 2})),
        one._replace(method=msgspec.structs.replace(one.method, detector="pca")),
        one._replace(benchmark=one.benchmark.sample(50, 1)),
    ]
    assert len({one.digest, *(each.digest for each in other)}) == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": [1.0]}, "rated 1 windows"),
        ({"held_back": []}, "no normal window"),
        ({"held_back": [float("nan")]}, "no finite"),
    ],
)
def test_ratings_that_make_no_table_are_refused(
    asked: list[Asked], trial: Trial, tmp_path: Path, change: dict[str, list[float]], said: str
) -> None:
    def broken(*question: object) -> Ratings:
        return msgspec.structs.replace(trial(*question), **change)  # type: ignore[arg-type]

    with pytest.raises(ContractBroken, match=said):
        list(Trials(tmp_path, broken).run(asked, quiet))
    assert list(tmp_path.glob("*.json")) == []


def test_the_bar_counts_trials(asked: list[Asked], trial: Trial, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    list(Trials(tmp_path, trial).run(asked, lambda done, total, note: told.append((done, total, note))))
    assert told[0] == (0, 4, "pairs, seed 1")
    assert (1, 4, "pairs, seed 2 50 % remembered") in told
    assert told[-1] == (4, 4, "")
