"""Callers whose records wait to be written: those that wait at once share one write, and each hears how its own ended.

A caller that goes away takes nobody's records with it, not even its own. What a write does is in `writing.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from logsentry.errors import Unavailable

Write = Callable[[Sequence[bytes]], Unavailable | None]
"""Puts records on disk, all or none, and answers why that was not possible."""


class _Waiting(msgspec.Struct):
    """Records of one caller, and who is to hear of them."""

    contents: Sequence[bytes]
    done: asyncio.Future[None]


class Callers:
    """`write` is called in a thread of its own, for one batch at a time."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._waiting: list[_Waiting] = []
        self._draining: asyncio.Task[None] | None = None

    async def written(self, contents: Sequence[bytes]) -> None:
        """Returns when they are on disk; raises `Unavailable` where they are not, and will not be."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(contents, done))
        if self._draining is None:  # a task of its own, which no caller's end cancels
            self._draining = asyncio.create_task(self._drain())
        await done

    async def _drain(self) -> None:
        """Write what waits, together, until nothing does."""
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                contents = [content for each in batch for content in each.contents]
                failure = await asyncio.get_running_loop().run_in_executor(self._thread, self._write, contents)
                for each in batch:
                    _tell(each.done, failure)
        finally:
            self._draining = None
            for each in batch:  # only where this was broken off
                _tell(each.done, Unavailable("the spool was closed while the records waited"))

    async def none_left(self) -> None:
        """Wait for what is being written."""
        if self._draining is not None:
            await self._draining

    def close(self) -> None:
        """Where nothing waits."""
        self._thread.shutdown(wait=True)


def _tell(done: asyncio.Future[None], failure: Unavailable | None) -> None:
    if done.done():
        return  # the caller has gone; where its records were written they are there all the same
    if failure is not None:
        done.set_exception(failure)
    else:
        done.set_result(None)
