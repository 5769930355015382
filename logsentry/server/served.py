"""One bundle in memory, from verified files to a thread that judges, and its end, after which its memory is the system's again.

Which bundle a name means, and when it changes, is left to `models`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from logsentry.pipeline.finding import served as sources_of
from logsentry.scoring.panel import Ids, Verdict
from logsentry.scoring.scorer import Options, Scorer
from logsentry.server.batching import Batcher
from logsentry.server.limits import Limits
from logsentry.server.memory import give_back
from logsentry.server.waiting import of_length
from logsentry.store.bundles import Store
from logsentry.store.verified import Bundle

VERSION_DIGITS = 12


class Served:
    """One bundle in memory. Everything that touches its scorer runs in one thread, `executor`, since sessions are not to be shared."""

    def __init__(self, name: str, bundle: Bundle, scorer: Scorer, executor: ThreadPoolExecutor, limits: Limits) -> None:
        self.name, self.bundle, self.scorer, self.limits = name, bundle, scorer, limits
        self.version, self.sources = bundle.digest[:VERSION_DIGITS], sources_of(bundle)
        self.executor = executor
        self.batcher: Batcher[Ids, Verdict] = Batcher(
            scorer.asked, executor, limits.batch, limits.waiting, limits.wait_seconds, of_length
        )
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @asynccontextmanager
    async def used(self) -> AsyncIterator[Served]:
        """While this is open, the bundle is not closed."""
        self._users += 1
        self._unused.clear()
        try:
            yield self
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def close(self) -> None:
        """Wait for the requests that are under way, then let go of the memory."""
        await self._unused.wait()
        await self.batcher.close()
        self.executor.shutdown(wait=False)


async def opened(name: str, store: Path, options: Options, limits: Limits) -> Served:
    """What the name points to, ready to be asked. Raises what is wrong with it."""
    executor = ThreadPoolExecutor(1, thread_name_prefix=f"model-{name}")
    try:
        bundle, scorer = await asyncio.get_running_loop().run_in_executor(executor, _scorer, name, store, options)
    except BaseException:
        executor.shutdown(wait=False)
        raise
    return Served(name, bundle, scorer, executor, limits)


def _scorer(name: str, store: Path, options: Options) -> tuple[Bundle, Scorer]:
    """Verified by its hashes, probed by the scorer, and warm: the first batch is slower than all that follow."""
    bundle = Store(store).find(name)
    scorer = Scorer(bundle, options)
    scorer.judge(warm_up(bundle))
    return bundle, scorer


async def put_away(served: Served) -> None:
    """Close it and give its memory back; what is freed stays with the C library otherwise (7 MB a swap were measured)."""
    await served.close()
    del served
    await asyncio.to_thread(give_back)


def warm_up(bundle: Bundle) -> Sequence[Ids]:
    """One window of each of a few lengths, of keys that the bundle has."""
    lengths = {min(length, bundle.manifest.max_length) for length in (4, 16, 64)}
    return [tuple(5 + at % max(1, bundle.manifest.keys - 5) for at in range(length)) for length in sorted(lengths)]
