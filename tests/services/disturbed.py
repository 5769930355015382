"""A job over a real Elasticsearch that something disturbs, and how it is known that it did its work all the same.

What is planted is scored once undisturbed; what a disturbed job has stored in the end must be equal to that (`services.weblogs.check`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from elasticsearch import Elasticsearch
from services.enrichment import Job, configure
from services.passes import Ended, Passes
from services.proxy import Proxy
from services.weblogs import Planted, Store, check, own_streams, stored

DOCUMENTS = 800
BATCH = 48
"""Windows a pass delivers at a time, so that these short jobs have several batches."""

DEAD_LETTERED = 4
"""The exit code of a pass that dead-lettered something, which each of these does: some lines are spoilt."""


class Disturbed(msgspec.Struct, frozen=True):
    """A job of one test over what is planted, into streams of its own; `undisturbed` is what another job stored of the same."""

    passes: Passes
    url: str
    client: Elasticsearch
    planted: Planted
    undisturbed: Store
    namespace: str
    folder: Path

    def job(self, proxy: Proxy, *, writing: Mapping[str, Any] | None = None, **more: Any) -> Job:
        """It reads from the node itself, and writes through the proxy."""
        where = {"reading": {"url": self.url}, "writing": writing}
        return configure(self.folder, proxy.url, self.planted.index, self.namespace, **where, **more)

    def run(self, job: Job) -> Ended:
        """A pass that comes to its end, and has stored all that it should."""
        done = self.passes.run("enrich", job.config)
        assert done.code == DEAD_LETTERED, done.err
        self.check(job)
        return done

    def check(self, job: Job) -> None:
        check(self.planted, self.found(), self.undisturbed, job.dead_letters)

    def found(self) -> Store:
        return stored(self.client, self.namespace)


def undisturbed_job(passes: Passes, client: Elasticsearch, planted: Planted, url: str, folder: Path) -> Store:
    """What a job stores of all that is planted when nothing gets in its way."""
    name = own_streams(client)
    job = configure(folder, url, planted.index, name)
    done = passes.run("enrich", job.config)
    assert done.code == DEAD_LETTERED, done.err
    found = stored(client, name)
    check(planted, found, found, job.dead_letters)
    return found
