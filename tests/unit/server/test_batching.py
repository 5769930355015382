"""The batcher: company changes no answer, blame stays with one request, and what cannot be done in time or in space is refused."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import ContractBroken, Unavailable, UsageError
from logsentry.server.batching import Batcher, Failed, Full, Late

POISON = -1


class Model:
    """Doubles numbers; fails on a batch that holds poison, while it runs or afterwards, and waits for `gate` before each batch."""

    def __init__(self, fails_afterwards: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._fails_afterwards = fails_afterwards

    def ask(self, items: list[int]) -> Callable[[], Sequence[int]]:
        self.gate.wait(10)
        self.batches.append(items)
        if POISON in items and not self._fails_afterwards:
            raise ZeroDivisionError("poison")
        return lambda: self.conclude(items)

    def conclude(self, items: list[int]) -> Sequence[int]:
        if POISON in items:
            raise ZeroDivisionError("poison")
        return [2 * item for item in items]


Trial = Callable[[Batcher[int, int]], Coroutine[Any, Any, None]]


def tried(model: Model, trial: Trial, batch: int = 8, waiting: int = 1000, wait: float = 0.0) -> Batcher[int, int]:
    """Run a trial against a batcher that is drained and closed after it."""

    async def whole() -> Batcher[int, int]:
        with ThreadPoolExecutor(1) as executor:
            batcher: Batcher[int, int] = Batcher(model.ask, executor, batch, waiting, wait)
            try:
                await trial(batcher)
            finally:
                model.gate.set()
                await asyncio.wait_for(batcher.close(), 10)
            return batcher

    return asyncio.run(whole())


async def busy(model: Model, batcher: Batcher[int, int]) -> asyncio.Task[Sequence[int]]:
    """A request that is being judged until the gate opens."""
    model.gate.clear()
    first = asyncio.create_task(batcher.ask([0], 30))
    await asyncio.sleep(0)
    while batcher.waiting:
        await asyncio.sleep(0.001)
    return first


requests = st.lists(st.lists(st.integers(0, 99) | st.just(POISON), max_size=6), max_size=24)


@given(requests, st.integers(1, 12), st.booleans(), st.randoms(use_true_random=False))
def test_each_request_is_answered_as_if_it_were_alone(
    asked: list[list[int]], batch: int, fails_afterwards: bool, random: Any
) -> None:
    model = Model(fails_afterwards)

    async def one(batcher: Batcher[int, int], items: list[int]) -> None:
        for _ in range(random.randrange(3)):
            await asyncio.sleep(0)
        if POISON in items:
            with pytest.raises(Failed) as caught:
                await batcher.ask(items, 30)
            assert isinstance(caught.value.__cause__, ZeroDivisionError)
        else:
            assert list(await batcher.ask(items, 30)) == [2 * item for item in items]

    async def trial(batcher: Batcher[int, int]) -> None:
        await asyncio.gather(*(one(batcher, items) for items in asked))

    batcher = tried(model, trial, batch)
    assert batcher.waiting == 0
    poisoned = sum(POISON in items for items in asked)
    assert (batcher.tally.failed, batcher.tally.requests) == (poisoned, sum(map(bool, asked)) - poisoned)
    assert all(len(items) <= batch for items in model.batches if items not in asked)


def test_what_comes_while_the_model_is_busy_is_judged_together_and_in_order() -> None:
    model = Model()

    async def trial(batcher: Batcher[int, int]) -> None:
        first = await busy(model, batcher)
        asked = [asyncio.create_task(batcher.ask([number], 30)) for number in range(1, 8)]
        await asyncio.sleep(0)
        assert batcher.waiting == 7
        model.gate.set()
        assert [list(answer) for answer in await asyncio.gather(first, *asked)] == [[2 * number] for number in range(8)]

    tried(model, trial)
    assert model.batches == [[0], [1, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize("afterwards", [False, True])
def test_one_poisoned_request_is_found_by_halving(afterwards: bool) -> None:
    model = Model(afterwards)

    async def trial(batcher: Batcher[int, int]) -> None:
        await busy(model, batcher)
        asked = [asyncio.create_task(batcher.ask([number], 30)) for number in (1, 2, POISON, 4, 5, 6, 7, 8)]
        await asyncio.sleep(0)
        model.gate.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers].count(Failed) == 1
        assert isinstance(answers[2], Failed)
        assert [list(a) for a in answers if not isinstance(a, BaseException)] == [[2 * n] for n in (1, 2, 4, 5, 6, 7, 8)]

    tried(model, trial)
    assert len(model.batches) == 1 + 1 + 2 * 3


def test_an_error_of_ours_reaches_the_one_who_is_to_blame_as_it_is() -> None:
    async def trial(batcher: Batcher[int, int]) -> None:
        with pytest.raises(UsageError, match="no such key"):
            await batcher.ask([1], 30)

    class Refuses(Model):
        def ask(self, items: list[int]) -> Callable[[], Sequence[int]]:
            raise UsageError("there is no such key")

    tried(Refuses(), trial)


def test_a_model_that_answers_for_fewer_breaks_its_contract() -> None:
    class Short(Model):
        def conclude(self, items: list[int]) -> Sequence[int]:
            return items[1:]

    async def trial(batcher: Batcher[int, int]) -> None:
        with pytest.raises(ContractBroken, match="2 windows were judged and 1 answers came back"):
            await batcher.ask([1, 2], 30)

    tried(Short(), trial)


def test_past_its_bound_the_queue_refuses_and_says_when_to_come_back() -> None:
    model = Model()

    async def trial(batcher: Batcher[int, int]) -> None:
        first = await busy(model, batcher)
        held = asyncio.create_task(batcher.ask([1, 2, 3], 30))
        await asyncio.sleep(0)
        with pytest.raises(Full, match="3 windows are waiting already") as caught:
            await batcher.ask([4, 5], 30)
        assert caught.value.after >= 1
        fits = asyncio.create_task(batcher.ask([6], 30))
        await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(first, held, fits)
        assert list(await batcher.ask([7, 8], 30)) == [14, 16]

    assert tried(model, trial, waiting=4).tally.refused == 1


def test_a_request_is_late_when_its_deadline_says_so_and_not_when_the_model_is_free_again() -> None:
    model = Model()

    async def trial(batcher: Batcher[int, int]) -> None:
        first = await busy(model, batcher)
        began = time.monotonic()
        with pytest.raises(Late, match="was not judged in its time"):
            await batcher.ask([1], 0.05)
        assert time.monotonic() - began < 5
        assert batcher.waiting == 0
        model.gate.set()
        assert list(await first) == [0]

    assert tried(model, trial).tally.late == 1
    assert [1] not in model.batches


def test_a_model_that_hangs_makes_requests_late_too() -> None:
    model = Model()

    async def trial(batcher: Batcher[int, int]) -> None:
        model.gate.clear()
        with pytest.raises(Late):
            await batcher.ask([1], 0.05)

    tried(model, trial)


def test_who_gives_up_gives_its_place_up() -> None:
    model = Model()

    async def trial(batcher: Batcher[int, int]) -> None:
        first = await busy(model, batcher)
        gone = asyncio.create_task(batcher.ask([1, 2], 30))
        stays = asyncio.create_task(batcher.ask([3], 30))
        await asyncio.sleep(0)
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        assert batcher.waiting == 1
        model.gate.set()
        assert [list(answer) for answer in await asyncio.gather(first, stays)] == [[0], [6]]

    tried(model, trial)
    assert model.batches == [[0], [3]]


def test_closing_answers_what_waits_and_takes_nothing_new() -> None:
    model = Model()

    async def trial(batcher: Batcher[int, int]) -> None:
        first = await busy(model, batcher)
        waits = asyncio.create_task(batcher.ask([1], 30))
        await asyncio.sleep(0)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="put away"):
            await batcher.ask([2], 30)
        model.gate.set()
        assert [list(answer) for answer in await asyncio.gather(first, waits)] == [[0], [2]]
        await closing

    tried(model, trial)


def test_an_idle_model_waits_for_company_when_told_to_but_not_longer() -> None:
    model = Model()

    async def trial(batcher: Batcher[int, int]) -> None:
        await asyncio.gather(*(batcher.ask([number], 30) for number in range(3)))
        began = time.monotonic()
        await asyncio.gather(*(batcher.ask([number], 30) for number in range(8)))
        assert time.monotonic() - began < 5

    tried(model, trial, wait=0.05)
    assert [len(items) for items in model.batches] == [3, 8]


class Thinks(Model):
    """The first batch is only concluded once the second one has run; `threads` are those in which batches were concluded."""

    def __init__(self) -> None:
        super().__init__()
        self.second, self.threads = threading.Event(), list[str]()

    def ask(self, items: list[int]) -> Callable[[], Sequence[int]]:
        if items == [1]:
            self.second.set()
        return super().ask(items)

    def conclude(self, items: list[int]) -> Sequence[int]:
        self.threads.append(threading.current_thread().name)
        if items == [0]:
            assert self.second.wait(10)
        return super().conclude(items)


def test_the_next_batch_runs_while_the_last_one_is_concluded() -> None:
    model = Thinks()

    async def trial(batcher: Batcher[int, int]) -> None:
        first = await busy(model, batcher)
        second = asyncio.create_task(batcher.ask([1], 30))
        await asyncio.sleep(0)
        model.gate.set()
        assert [list(answer) for answer in await asyncio.gather(first, second)] == [[0], [2]]

    tried(model, trial)
    assert model.threads[0].startswith("verdicts")


def test_where_nobody_waits_the_models_own_thread_concludes() -> None:
    model = Thinks()

    async def trial(batcher: Batcher[int, int]) -> None:
        assert list(await batcher.ask([2], 30)) == [4]

    tried(model, trial)
    assert len(model.threads) == 1
    assert not model.threads[0].startswith("verdicts")


def test_of_much_that_waits_half_is_taken_so_that_the_model_works_while_the_rest_is_answered() -> None:
    model = Model()

    async def trial(batcher: Batcher[int, int]) -> None:
        first = await busy(model, batcher)
        asked = [asyncio.create_task(batcher.ask([number], 30)) for number in range(1, 65)]
        await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(first, *asked)

    tried(model, trial, batch=512)
    assert [len(items) for items in model.batches] == [1, 32, 16, 16]
