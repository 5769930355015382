"""What happens in a model's thread: batch after batch is taken from what waits, run, and concluded in another thread beside the next run.

So a model does not wait while reasons are found for what it said, nor for the event loop's next turn. A batch that fails is halved until
the request that is to blame stands alone, so that no request fails for its neighbours. Who waits for the answers is left to `batching`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Generic, NamedTuple, Protocol, TypeVar

from logsentry.errors import ContractBroken
from logsentry.server.waiting import Entry, Waiting

Q = TypeVar("Q")
A = TypeVar("A")

Asked = Entry[Q, asyncio.Future[Sequence[A]]]

Concluding = Callable[[], Sequence[A]]
"""What is left to do once a model has run: answers, one for each item."""


class Ran(NamedTuple):
    """When a model began on a batch, and how many seconds it took."""

    began: float
    seconds: float


class Told(Protocol[Q, A]):
    """Hears in the event loop how batches ended."""

    def given(self, entries: list[Asked[Q, A]], answers: Sequence[A], ran: Ran) -> None:
        """The answers to the items of these requests, in order."""
        ...

    def failed(self, entry: Asked[Q, A], error: Exception) -> None:
        """What the model raised on one request that stood alone."""
        ...


class Judging(Generic[Q, A]):
    """`ask` runs the model on the items of several requests, in `executor`, one call at a time and `batch` items at most.

    The next batch is put behind whatever else the executor was given meanwhile.
    """

    def __init__(
        self,
        ask: Callable[[list[Q]], Concluding[A]],
        executor: Executor,
        queue: Waiting[Asked[Q, A]],
        batch: int,
        told: Told[Q, A],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._ask, self._executor, self._queue, self._batch = ask, executor, queue, batch
        self._told, self._loop = told, loop
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="verdicts")
        self._concluded: Future[None] | None = None

    def wake(self) -> None:
        """Take what waits, until nothing does."""
        self._executor.submit(self._turn)

    async def round(self) -> None:
        """Return when what either thread was given before has ended."""
        for threads in (self._executor, self._beside):
            await self._loop.run_in_executor(threads, _nothing)

    def close(self) -> None:
        self._beside.shutdown(wait=False)

    def _turn(self) -> None:
        if entries := self._queue.take(self._batch):
            self._judge(entries)
            self._executor.submit(self._turn)

    def _judge(self, entries: list[Asked[Q, A]]) -> None:
        """The other thread is given one batch at a time, so that nothing piles up there, and none where nobody waits for this one."""
        began = time.monotonic()
        try:
            concluding = self._ask([item for entry in entries for item in entry.items])
        except Exception as error:  # noqa: BLE001 - the boundary around a model: what it raises belongs to one request
            self._halved(entries, error)
            return
        ran = Ran(began, time.monotonic() - began)
        if self._concluded is not None:
            self._concluded.result()
        if self._queue.items:
            self._concluded = self._beside.submit(self._conclude, entries, concluding, ran)
        else:
            self._conclude(entries, concluding, ran)

    def _conclude(self, entries: list[Asked[Q, A]], concluding: Concluding[A], ran: Ran) -> None:
        items = sum(len(entry.items) for entry in entries)
        try:
            answers = concluding()
            if len(answers) != items:
                raise ContractBroken(f"{items} windows were judged and {len(answers)} answers came back")
        except Exception as error:  # noqa: BLE001 - the same boundary
            self._executor.submit(self._halved, entries, error)
            return
        self._loop.call_soon_threadsafe(self._told.given, entries, answers, ran)

    def _halved(self, entries: list[Asked[Q, A]], error: Exception) -> None:
        """In the model's thread. Who has gone by now is asked no more."""
        left = [entry for entry in entries if not entry.answer.done()]
        if len(entries) == 1:
            self._loop.call_soon_threadsafe(self._told.failed, entries[0], error)
        elif left:
            half = max(1, len(left) // 2)
            for some in filter(None, (left[:half], left[half:])):
                self._judge(some)


def _nothing() -> None:
    """Comes to its turn when what was submitted before it has."""
