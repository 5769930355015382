"""The training loop: repeatable, bootstrapped by counts, clipped a member at a time, and refusing what it cannot learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from logsentry.errors import TrainingError, UsageError
from logsentry.learn.logbert.ensemble import LogBertEnsemble
from logsentry.learn.logbert.model import LogBert
from logsentry.learn.logbert.settings import Config, groups_of
from logsentry.learn.logbert.train import Windows, batches, bootstrap, clip, distinct, rate, set_centre
from logsentry.text.vocabulary import BEGIN, END, MASK, PAD

SMALL = Config(members=3, width=16, heads=2, layers=1, max_steps=30, batch=8, max_length=16, dropout=0.1)
CYCLES = [[BEGIN, *(5 + (start + step) % 4 for step in range(length)), END] for start in range(4) for length in range(4, 9)]


def silent(done: int, total: int, note: str) -> None:
    """Progress that nobody looks at."""


def fitted(seed: int = 1, config: Config = SMALL, windows: list[list[int]] = CYCLES) -> tuple[LogBert, dict[str, float]]:
    detector = LogBertEnsemble(config)
    figures = detector.fit(windows, 10, seed=seed, progress=silent)
    assert detector.model is not None
    return detector.model, figures


def test_same_seed_same_weights_and_the_callers_random_state_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, _ = fitted()
    assert torch.rand(3).equal(expected)
    second, _ = fitted(windows=CYCLES[::-1])  # the order in which windows came changes nothing
    third, _ = fitted(seed=2)
    assert all(a.equal(b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert not first.head.weight.equal(third.head.weight)
    assert not torch.are_deterministic_algorithms_enabled()


def test_it_learns_a_cycle() -> None:
    _, before = fitted(config=Config(members=2, width=32, layers=1, max_steps=1, batch=8, max_length=16))
    model, after = fitted(config=Config(members=2, width=32, layers=1, max_steps=200, epochs=500, batch=8, max_length=16))
    assert after["loss"] < 0.5 * before["loss"]
    assert after["steps"] == 200
    assert model.centre.abs().sum() > 0


def test_members_trained_in_batches_stand_side_by_side_in_one_model() -> None:
    small = {"width": 8, "heads": 2, "layers": 1, "max_steps": 6, "batch": 4, "max_length": 16}
    windows = [[BEGIN, *[5 + (i + j) % 6 for j in range(3 + i % 4)], END] for i in range(20)]
    batched = LogBertEnsemble(Config(members=5, together=2, **small))
    figures = batched.fit(windows, 12, seed=3, progress=lambda done, total, note: None)
    assert batched.config.batches_of_members == (2, 2, 1)
    assert figures["steps"] == 3 * 6
    first = LogBertEnsemble(Config(members=2, **small))
    first.fit(windows, 12, seed=3, progress=lambda done, total, note: None)
    assert batched.model is not None
    assert first.model is not None
    assert batched.model.members == 5
    for name, weights in first.model.state_dict().items():
        assert torch.equal(batched.model.state_dict()[name][:2], weights), name


def test_random_weights_leave_no_window_out_and_keep_their_number() -> None:
    counts = torch.tensor([1.0, 1.0, 3.0, 400.0], dtype=torch.float64)
    weights = bootstrap(counts, 200, torch.Generator().manual_seed(0), "bayesian")
    assert (weights > 0).all()
    np.testing.assert_allclose(weights.mean(0), counts, rtol=0.25)
    assert weights.std(0)[0] > 0.5  # no two members weigh a rare window alike
    again = bootstrap(counts, 200, torch.Generator().manual_seed(0), "bayesian")
    assert torch.equal(weights, again)


def test_bootstrap_draws_as_many_windows_as_there_are() -> None:
    counts = torch.tensor([800.0, 3.0, 0.0, 197.0], dtype=torch.float64)
    drawn = bootstrap(counts, 5, torch.Generator().manual_seed(0))
    assert drawn.sum(1).tolist() == [1000.0] * 5
    assert drawn[:, 2].sum() == 0
    assert (drawn[:, 0] - 800).abs().max() < 60  # 12.6 is one standard deviation
    assert len({tuple(row) for row in drawn.tolist()}) == 5


def test_each_members_gradient_is_clipped_by_its_own_length() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2, 4))
    parameter.grad = torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.3, 0.4, 0.0, 0.0]])
    clip([parameter], 1.0)
    torch.testing.assert_close(parameter.grad, torch.tensor([[0.6, 0.8, 0.0, 0.0], [0.3, 0.4, 0.0, 0.0]]))


def test_batches_hold_every_row_once() -> None:
    lengths = torch.randint(3, 20, (101,), generator=torch.Generator().manual_seed(0))
    rows = torch.cat(list(batches(lengths, 8, torch.Generator().manual_seed(0))))
    assert sorted(rows.tolist()) == list(range(101))


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    course = [rate(step, 100) for step in range(101)]
    assert course[0] < course[9] == 1.0
    assert course[10:] == sorted(course[10:], reverse=True)
    assert course[100] == pytest.approx(0)


def test_the_centre_is_the_weighted_mean_of_the_begin_representations() -> None:
    config = Config(members=1, width=16, layers=1)
    detector = LogBertEnsemble(config)
    detector.fit(CYCLES, 10, seed=1, progress=silent)
    model = detector.model
    assert model is not None
    one = Windows(torch.tensor([CYCLES[0], CYCLES[5]]), torch.tensor([6, 6]), torch.tensor([1.0, 3.0], dtype=torch.float64))
    masked = torch.tensor([[BEGIN, 5, MASK, 7, MASK, END], [BEGIN, MASK, 6, MASK, 8, MASK]])
    set_centre(model, one, torch.tensor([[1.0, 0.0]]), config)
    with torch.no_grad():
        expected = model.eval().encode(masked[None])[0, :, 0].mean(0)
    torch.testing.assert_close(model.centre[0], expected)


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        ([], "too few"),
        ([[BEGIN, 5, END]] * 50, "too few"),
        ([[BEGIN, 5, END], [BEGIN, *[5] * 15, END]], "2 to 16"),
        ([[BEGIN, 5, END], [BEGIN, 10, END]], "the id 10"),
        ([[BEGIN, 5, END], [BEGIN, -1, END]], "the id -1"),
        ([[BEGIN, 5, END], [BEGIN, PAD, END]], "the id 0"),
        ([[BEGIN, 5, END], [BEGIN, MASK, END]], "the id 2"),
        ([[BEGIN, 5, END], [5, 6, END]], "must begin"),
    ],
)
def test_what_cannot_be_learnt_is_refused(windows: list[list[int]], says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        fitted(windows=windows)


def test_export_before_fit_is_refused(tmp_path: object) -> None:
    with pytest.raises(TrainingError, match="fit first"):
        LogBertEnsemble(SMALL).export(tmp_path, CYCLES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "groups"),
    [(1, (1,)), (2, (2,)), (3, (2, 1)), (5, (3, 1, 1)), (8, (5, 1, 1, 1)), (9, (5, 2, 2)), (25, (13, 4, 4, 4))],
)
def test_vote_groups_begin_with_a_majority(members: int, groups: tuple[int, ...]) -> None:
    assert groups_of(members) == groups


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="multiple of heads"):
        LogBertEnsemble(Config(width=30, heads=4))
    with pytest.raises(UsageError, match="hold 3 members, not 5"):
        LogBertEnsemble(Config(members=5, groups=(2, 1)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="no GPU must be here to show what is said without one")
def test_a_device_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match="no CUDA device"):
        fitted(config=Config(device="cuda"))


def test_windows_are_counted() -> None:
    found = distinct([[BEGIN, 6, END], [BEGIN, 5, 5, END], [BEGIN, 6, END]], 10, 16)
    assert found.ids.tolist() == [[BEGIN, 5, 5, END], [BEGIN, 6, END, PAD]]
    assert found.counts.tolist() == [1, 2]
    assert found.lengths.tolist() == [4, 3]
