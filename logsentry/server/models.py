"""The bundles that a server holds in memory: opened, warmed and probed before a name points to them, and closed when nobody asks any more.

A name in the store may be pointed to another bundle at any time (`logsentry models promote`, `rollback`). The server follows: the
new bundle is verified, answers its probe and a first batch in its own thread, and only then takes the name; requests that were under way
finish on the old one. A bundle that is refused changes nothing, and is said on the status page and in the log.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from logsentry.errors import BundleRefused, LogsentryError, Unavailable, UsageError
from logsentry.scoring.scorer import Options
from logsentry.server.ecs_logs import fields
from logsentry.server.limits import Limits
from logsentry.server.memory import settle, unsettle
from logsentry.server.refusals import Refusals
from logsentry.server.served import Served, opened, put_away
from logsentry.store.bundles import Store

LOG = logging.getLogger("logsentry.server.models")


class Models:
    """Names and what they serve. `failures` keeps, for a name, why its newest bundle was refused."""

    def __init__(self, store: Path, options: Options, limits: Limits) -> None:
        self.store, self.options, self.limits = store, options, limits
        self.failures: dict[str, str] = {}
        self.looked = False
        """Whether the store was looked through once."""
        self._served: dict[str, Served] = {}
        self._unloaded: set[str] = set()
        self._refusals = Refusals()
        self._loading = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    def names(self) -> list[str]:
        return sorted(self._served)

    def known(self) -> list[str]:
        """Names in the store, served or not."""
        return sorted({*Store(self.store).names(), *self._served})

    def served(self, name: str) -> Served | None:
        return self._served.get(name)

    def get(self, name: str, version: str = "") -> Served:
        """Raises `UsageError` where the name, or this version of it, is not served."""
        served = self._served.get(name)
        if served is None:
            raise UsageError(f"no model {name[:80]!r} is served here; there are: {', '.join(self.names()) or 'none yet'}")
        if version and not (len(version) >= 6 and served.bundle.digest.startswith(version)):
            raise UsageError(f"version {version[:80]!r} of {name!r} is not served; {served.version} is")
        return served

    async def load(self, name: str) -> Served:
        """Serve what the name points to in the store. Raises what is wrong with it; then the one before serves on."""
        async with self._loading:
            try:
                fresh = await opened(name, self.store, self.options, self.limits)
            except LogsentryError as error:
                LOG.warning("%s cannot be served: %s", name, str(error))  # as it is now: its text changes below
                error.args = (self._without_paths(str(error)), *error.args[1:])
                self.failures[name] = str(error)
                raise
            except Exception as error:
                LOG.exception("%s cannot be served: a defect", name)
                self.failures[name] = f"the bundle of {name!r} cannot be opened; the server's log says why"
                raise BundleRefused(self.failures[name]) from error
            self.failures.pop(name, None)
            self._refusals.forget(name)
            self._unloaded.discard(name)
            old = self._served.get(name)
            if old is not None and old.bundle.digest == fresh.bundle.digest:
                self._retire(fresh)
                return old
            self._served[name] = fresh
            settle()
            LOG.info("%s serves", fresh.bundle.reference, extra=fields(logsentry__model__id=fresh.bundle.reference))
            if old is not None:
                self._retire(old)
            return fresh

    def _without_paths(self, text: str) -> str:
        """What a client may hear of a refusal; the log has the whole."""
        return text.replace(f"{self.store}/", "").replace(f" {self.store}", "")

    async def unload(self, name: str) -> None:
        """Serve the name no more, until it is loaded again; what is under way finishes."""
        async with self._loading:
            self._retire(self.get(name))
            del self._served[name]
            self._unloaded.add(name)

    async def follow(self, seconds: float) -> None:
        """Look at the store now and then, and serve what its names point to."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.look(seconds)
            except OSError as error:  # the store's disk is away for now; what is served is in memory
                LOG.warning("the store cannot be looked at: %s", error)

    async def begin(self) -> None:
        """The first look. Raises why, where an execution provider does not work, or where nothing that the store names can be served."""
        errors = await self.look()
        broken = next((error for error in errors if isinstance(error, Unavailable)), None)
        if broken is not None or (errors and not self._served):
            raise broken or errors[0]

    async def look(self, pause: float = 2.0) -> list[LogsentryError]:
        """Load every name whose pointer has moved; answers what was wrong with those that were refused, which are tried again after
        `pause` seconds, then after twice as many, and so on."""
        store, errors = Store(self.store), []
        for name in await asyncio.to_thread(store.names):
            pointed = ""
            try:
                pointed = await asyncio.to_thread(_pointer, store, name)
                if self._due(name, pointed):
                    await self.load(name)
            except LogsentryError as error:
                errors.append(error)
                self.failures[name] = self._without_paths(str(error))
                self._refusals.postpone(name, pointed, pause)
        self.looked = True
        return errors

    def _due(self, name: str, pointed: str) -> bool:
        served = self._served.get(name)
        if name in self._unloaded or not pointed:
            return False
        if served is not None and served.bundle.digest == pointed:
            self.failures.pop(name, None)
            return False
        return self._refusals.due(name, pointed)

    async def close(self) -> None:
        """Finish what is under way."""
        served, self._served = list(self._served.values()), {}
        await asyncio.gather(*(each.close() for each in served), *self._closing)
        unsettle()

    def _retire(self, served: Served) -> None:
        task = asyncio.create_task(put_away(served))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _pointer(store: Store, name: str) -> str:
    """The digest that a name points to, or none. Raises `BundleRefused` where its file cannot be read."""
    return next(reversed(store.history(name)), "")
