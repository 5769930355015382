"""Requests of many clients judged together, and each answered as if it had been alone.

While the model is busy, requests gather, and the next batch is made of them (`waiting`, `judging`). So an idle server answers at once,
and a busy one fills its batches by itself; `wait_seconds` makes an idle one wait for company.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

import msgspec

from logsentry.errors import LogsentryError, Unavailable
from logsentry.server.judging import Asked, Concluding, Judging, Ran
from logsentry.server.waiting import Entry, Kind, Waiting, same_kind

Q = TypeVar("Q")
A = TypeVar("A")


class Full(Unavailable):
    """Too much is waiting; ask again after `after` seconds."""

    def __init__(self, waiting: int, after: float, what: str = "windows") -> None:
        super().__init__(f"{waiting:,} {what} are waiting already; try again in {after:.0f} s")
        self.after = after


class Late(Unavailable):
    """The request's deadline passed before it was judged."""


class Failed(Unavailable):
    """The model failed on this request when it stood alone; `__cause__` is why, for the log."""


class Tally(msgspec.Struct):
    """What a batcher has done, for metrics and for the status page. Times are sums in seconds; what is concluded beside the next run is
    in none of them."""

    requests: int = 0
    items: int = 0
    batches: int = 0
    refused: int = 0
    late: int = 0
    failed: int = 0
    waited: float = 0.0
    judged: float = 0.0


class Batcher(Generic[Q, A]):
    """Asked in one event loop, and ended there with `close`. `ask` and `executor` are the model's, as in `Judging`."""

    def __init__(
        self,
        ask: Callable[[list[Q]], Concluding[A]],
        executor: Executor,
        batch: int,
        waiting: int,
        wait_seconds: float = 0.0,
        kind: Kind = same_kind,
    ) -> None:
        self._kind, self._batch, self._bound, self._wait = kind, batch, waiting, wait_seconds
        self._loop = asyncio.get_running_loop()
        self._queue: Waiting[Asked[Q, A]] = Waiting()
        self._judging: Judging[Q, A] = Judging(ask, executor, self._queue, batch, self, self._loop)
        self._company: asyncio.TimerHandle | None = None
        self._present = 0
        self._closing = False
        self._pace = 0.001  # seconds an item has taken lately
        self.tally = Tally()

    @property
    def waiting(self) -> int:
        """Items that are queued and not being judged yet."""
        return self._queue.items

    async def ask(self, items: Sequence[Q], seconds: float) -> Sequence[A]:
        """One answer for each item, in order, before `seconds` have passed.

        Raises `Full` and `Late`, `LogsentryError` where the model raises one on these items alone, and `Failed` where it raises
        anything else. Cancelling gives the place in the queue up.
        """
        if not items:
            return ()
        self._refuse(len(items))
        entry: Asked[Q, A] = Entry(items, self._loop.create_future(), time.monotonic(), self._kind(items))
        self._enqueue(entry)
        deadline = self._loop.call_later(seconds, self._expire, entry)
        self._present += 1
        try:
            return await entry.answer
        finally:
            self._present -= 1
            deadline.cancel()
            self._queue.leave(entry)

    def _refuse(self, items: int) -> None:
        if self._closing:
            raise Unavailable("the model is being put away; ask again")
        queued = self._queue.items
        if queued + items > self._bound and (queued or items > self._bound):
            self.tally.refused += 1
            raise Full(queued, max(1.0, queued * self._pace))

    def _enqueue(self, entry: Asked[Q, A]) -> None:
        """An idle model is woken, at once or when others had a moment to come; a full batch waits for nobody."""
        asleep = self._queue.put(entry)
        full = self._queue.items >= self._batch
        if asleep and self._wait and not full:
            self._company = self._loop.call_later(self._wait, self._wake)
        elif asleep or (full and self._company is not None):
            self._wake()

    def _wake(self) -> None:
        if self._company is not None:
            self._company.cancel()
            self._company = None
        self._judging.wake()

    def _expire(self, entry: Asked[Q, A]) -> None:
        """A timer of our own: `asyncio.timeout` also cancels and uncancels the task, for ten times the price."""
        if not entry.answer.done():
            self.tally.late += 1
            waited = time.monotonic() - entry.asked
            entry.answer.set_exception(Late(f"the request waited {waited:.1f} s and was not judged in its time"))

    async def close(self) -> None:
        """Take nothing new, and return when what waits was answered."""
        self._closing = True
        if self._company is not None:
            self._wake()
        while self._present:
            await self._judging.round()
        self._judging.close()

    def given(self, entries: list[Asked[Q, A]], answers: Sequence[A], ran: Ran) -> None:
        """A batch is done: each request has its share."""
        self.tally.batches += 1
        self.tally.judged += ran.seconds
        self._pace = 0.9 * self._pace + 0.1 * ran.seconds / len(answers)
        at = 0
        for entry in entries:
            share = answers[at : at + len(entry.items)]
            at += len(entry.items)
            self.tally.requests += 1
            self.tally.items += len(share)
            self.tally.waited += ran.began - entry.asked
            if not entry.answer.done():
                entry.answer.set_result(share)

    def failed(self, entry: Asked[Q, A], error: Exception) -> None:
        """One request is to blame."""
        self.tally.failed += 1
        if not entry.answer.done():
            entry.answer.set_exception(told(error))


def told(error: Exception) -> LogsentryError:
    """What one request hears of what its model raised; an error of ours says already what to do."""
    if isinstance(error, LogsentryError):
        return error
    failed = Failed("the model failed on this request; the server's log says why")
    failed.__cause__ = error
    return failed
