"""Requests of many clients judged together, and each answered as if it had been alone.

While the model is busy, requests gather; what has gathered by then is the next batch. So an idle server answers at once, and a busy
one fills its batches by itself; `wait_seconds` makes an idle one wait for company. A batch that fails is halved until the request
that is to blame stands alone, so that no request fails for its neighbours.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

import msgspec

from logsentry.errors import ContractBroken, LogsentryError, Unavailable

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
    """What a batcher has done, for metrics and for the status page. Times are sums in seconds."""

    requests: int = 0
    items: int = 0
    batches: int = 0
    refused: int = 0
    late: int = 0
    failed: int = 0
    waited: float = 0.0
    judged: float = 0.0


class _Entry(Generic[Q, A]):
    __slots__ = ("answer", "asked", "items", "waits")

    def __init__(self, items: Sequence[Q], answer: asyncio.Future[Sequence[A]]) -> None:
        self.items, self.answer = items, answer
        self.asked, self.waits = time.monotonic(), True


class Batcher(Generic[Q, A]):
    """`judge` is called with the items of several requests, in `executor`, one call at a time.

    Lives in one event loop: start it with `run()` as a task, end it with `close()`, after which what waits is still answered.
    """

    def __init__(
        self, judge: Callable[[list[Q]], Sequence[A]], executor: Executor, batch: int, waiting: int, wait_seconds: float = 0.0
    ) -> None:
        self._judge, self._executor = judge, executor
        self._batch, self._bound, self._wait = batch, waiting, wait_seconds
        self._queue: deque[_Entry[Q, A]] = deque()
        self._queued = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self._pace = 0.001  # seconds an item has taken lately
        self.tally = Tally()

    @property
    def waiting(self) -> int:
        """Items that are queued and not being judged yet."""
        return self._queued

    async def ask(self, items: Sequence[Q], seconds: float) -> Sequence[A]:
        """One answer for each item, in order, before `seconds` have passed.

        Raises `Full` and `Late`, `LogsentryError` where `judge` raises one on these items alone, and `Failed` where it raises anything
        else. Cancelling gives the place in the queue up.
        """
        if not items:
            return ()
        if self._closing:
            raise Unavailable("the model is being put away; ask again")
        if self._queued + len(items) > self._bound and (self._queued or len(items) > self._bound):
            self.tally.refused += 1
            raise Full(self._queued, max(1.0, self._queued * self._pace))
        loop = asyncio.get_running_loop()
        entry: _Entry[Q, A] = _Entry(items, loop.create_future())
        self._queue.append(entry)
        self._queued += len(items)
        self._arrived.set()
        deadline = loop.call_later(seconds, self._expire, entry)
        try:
            return await entry.answer
        finally:
            deadline.cancel()
            self._leave(entry)

    def _expire(self, entry: _Entry[Q, A]) -> None:
        """A timer of our own: `asyncio.timeout` also cancels and uncancels the task, for ten times the price."""
        if not entry.answer.done():
            self.tally.late += 1
            waited = time.monotonic() - entry.asked
            entry.answer.set_exception(Late(f"the request waited {waited:.1f} s and was not judged in its time"))

    def _leave(self, entry: _Entry[Q, A]) -> None:
        """Give the place up where nobody waits for it any more."""
        if entry.waits:
            entry.waits = False
            self._queued -= len(entry.items)
            self._queue.remove(entry)

    async def run(self) -> None:
        """Judge batch after batch until `close` was called and nothing waits any more."""
        while self._queue or not self._closing:
            if not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
                if self._wait and not self._closing:
                    await self._company()
            if entries := self._next():
                await self._answer(entries)

    def close(self) -> None:
        self._closing = True
        self._arrived.set()

    async def _company(self) -> None:
        """Give others a moment to come, unless the batch is full before."""
        until = time.monotonic() + self._wait
        while self._queued < self._batch and (left := until - time.monotonic()) > 0:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                return

    def _next(self) -> list[_Entry[Q, A]]:
        """Requests for one batch: as many as fit, one at least."""
        entries: list[_Entry[Q, A]] = []
        size, now = 0, time.monotonic()
        while self._queue and (not entries or size + len(self._queue[0].items) <= self._batch):
            entry = self._queue.popleft()
            entry.waits = False
            self._queued -= len(entry.items)
            self.tally.waited += now - entry.asked
            entries.append(entry)
            size += len(entry.items)
        return entries

    async def _answer(self, entries: list[_Entry[Q, A]]) -> None:
        items = [item for entry in entries for item in entry.items]
        began = time.monotonic()
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._executor, self._judge, items)
            if len(answers) != len(items):
                raise ContractBroken(f"{len(items)} windows were judged and {len(answers)} answers came back")
        except Exception as error:  # noqa: BLE001 - the boundary around a model: what it raises belongs to one request
            await self._halved(entries, error)
            return
        took = time.monotonic() - began
        self._pace = 0.9 * self._pace + 0.1 * took / len(items)
        self.tally.batches += 1
        self.tally.judged += took
        self._give(entries, answers)

    def _give(self, entries: list[_Entry[Q, A]], answers: Sequence[A]) -> None:
        at = 0
        for entry in entries:
            share = answers[at : at + len(entry.items)]
            at += len(entry.items)
            self.tally.requests += 1
            self.tally.items += len(share)
            if not entry.answer.done():
                entry.answer.set_result(share)

    async def _halved(self, entries: list[_Entry[Q, A]], error: Exception) -> None:
        if len(entries) == 1:
            self.tally.failed += 1
            if not entries[0].answer.done():
                entries[0].answer.set_exception(told(error))
            return
        half = len(entries) // 2
        await self._answer(entries[:half])
        await self._answer(entries[half:])


def told(error: Exception) -> LogsentryError:
    """What one request hears of what its model raised; an error of ours says already what to do."""
    if isinstance(error, LogsentryError):
        return error
    failed = Failed("the model failed on this request; the server's log says why")
    failed.__cause__ = error
    return failed
