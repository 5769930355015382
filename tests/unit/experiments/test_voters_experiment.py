"""Votes by hand, and the experiment `voters` from files to page."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import ContractBroken
from logsentry.experiments import voters
from logsentry.experiments.measures import Measured
from logsentry.experiments.plan import Plan
from logsentry.experiments.ratings import Method, Ratings, Trial
from logsentry.experiments.voters_page import Jump, Point, jump
from logsentry.experiments.votes import WAYS, majority_value, mean_value, needed_share, own_bars, subsets, ties_alarm

MEMBERS = np.array([[9.0, 9.0, 0.0], [9.0, 0.0, 0.0], [9.0, 0.0, 0.0], [9.0, 9.0, 0.0]])
HELD_BACK = np.tile(np.linspace(0, 1, 99), (4, 1))


def test_a_tie_is_no_majority_unless_it_is_said_to_be() -> None:
    assert own_bars(MEMBERS, HELD_BACK, 0.01).tolist() == [True, False, False]
    assert ties_alarm(MEMBERS, HELD_BACK, 0.01).tolist() == [True, True, False]
    assert majority_value(MEMBERS, HELD_BACK, 0.01).tolist() == [True, False, False]
    assert mean_value(MEMBERS, HELD_BACK, 0.01).tolist() == [True, True, False]


def test_an_even_number_needs_more() -> None:
    assert [needed_share(size) for size in (1, 2, 3, 4, 25)] == [1, 1, 2 / 3, 3 / 4, 13 / 25]
    assert all(needed_share(size) > max(needed_share(size - 1), needed_share(size + 1)) for size in range(4, 26, 2))


@given(st.integers(1, 9), st.integers(0, 1000))
def test_ties_matter_for_even_numbers_alone(size: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    members, held_back = draw.normal(size=(size, 50)), draw.normal(size=(size, 40))
    strict, lenient = own_bars(members, held_back, 0.3), ties_alarm(members, held_back, 0.3)
    assert (strict <= lenient).all()
    if size % 2:
        assert (strict == lenient).all()


def test_one_voter_is_one_voter_however_it_votes() -> None:
    members, held_back = np.random.default_rng(1).normal(size=(2, 1, 200))
    votes = [voted(members, held_back, 0.1).tolist() for voted in WAYS.values()]
    assert votes == [votes[0]] * len(WAYS)


@given(st.integers(1, 25), st.integers(1, 30), st.integers(0, 99))
def test_ensembles_are_drawn_without_repeating_a_member(size: int, draws: int, seed: int) -> None:
    drawn = subsets(25, size, draws, seed)
    assert 1 <= len(drawn) <= max(draws, 1)
    assert all(len(set(one)) == size and max(one) < 25 for one in drawn)
    assert drawn == subsets(25, size, draws, seed)


def test_the_jump_is_even_against_the_mean_of_its_neighbours() -> None:
    def point(voters: int, f1: float, recall: float, alarms: float) -> Point:
        at = Measured(1.0, recall, f1, alarms)
        return Point("honest", "own bars", voters, 1, at, at, at)

    found = jump({1: point(1, 0.5, 0.4, 100), 2: point(2, 0.4, 0.2, 40), 3: point(3, 0.7, 0.6, 80), 4: point(4, 0, 0, 0)})
    assert found == pytest.approx(Jump(-0.2, -0.3, -50))
    assert jump({1: point(1, 0.5, 0.4, 100)}) is None


def test_from_files_to_page(hdfs_files: Path, tmp_path: Path, trial: Trial) -> None:
    plan = Plan(tmp_path / "r", seeds=2, data=hdfs_files)
    page = voters.run(plan, trial, lambda done, total, note: None)
    folder = plan.out / "voters"
    assert (folder / "README.md").read_text() == page
    assert (folder / "voters.png").stat().st_size > 10_000
    assert (folder / "voters-recall.png").exists()
    assert "| 4 | 3 of 4 | 0.750 |" in page
    assert page.count("| own bars, a tie is an alarm | ") == 2
    with (folder / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(WAYS) * 25
    assert {row["ensembles"] for row in rows if row["voters"] == "25"} == {"2"}
    assert {row["ensembles"] for row in rows if row["voters"] == "1"} == {"50"}
    assert all(float(row["f1_p5"]) <= float(row["f1_p95"]) for row in rows)


def test_a_trial_that_hides_its_members_is_refused(hdfs_files: Path, tmp_path: Path, trial: Trial) -> None:
    def mute(method: Method, *question: object) -> Ratings:
        ratings = trial(method, *question)  # type: ignore[arg-type]
        return Ratings(ratings.values, ratings.held_back)

    with pytest.raises(ContractBroken, match="told nothing of its members"):
        voters.run(Plan(tmp_path, seeds=1, data=hdfs_files), mute, lambda done, total, note: None)
