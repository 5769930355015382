"""One `logsentry enrich` job for tests: its configuration, and how it is killed at a random moment of its work.

The moments are those of the traffic, not of the clock: before the server hears of a request, when it has done what was asked and
the job does not know it, and some milliseconds after the answer, when the job writes its state.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from random import Random
from threading import Lock, Timer
from typing import Any

import msgspec
import yaml
from services.passes import Ended, Passes
from services.proxy import Phase, Proxy, Request


class Job(msgspec.Struct, frozen=True):
    """A configuration on disk, with a state folder and dead letters of its own."""

    config: Path
    state: Path
    dead_letters: Path

    def books(self, done: Ended) -> dict[str, Any]:
        """What `enrich --json` printed."""
        found: dict[str, Any] = json.loads(done.out)
        return found


def configure(
    folder: Path,
    url: str,
    index: str,
    namespace: str,
    *,
    reading: Mapping[str, Any] | None = None,
    writing: Mapping[str, Any] | None = None,
    connection: Mapping[str, Any] | None = None,
    **more: Any,
) -> Job:
    """A job over `index` into the streams of `namespace`, with the demo's bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(folder / "job.yml", folder / "state", folder / "dead-letters.ndjson")
    where = {"use": "elasticsearch", "url": url, **(connection or {})}
    content = {
        "inputs": [{**where, "index": index, **(reading or {})}],
        "source": {"use": "http-access"},
        "bundle": {"store": str(folder / "models"), "name": "demo"},
        "exporters": [{**where, "namespace": namespace, **(writing or {})}],
        "state": str(job.state),
        "dead_letters": str(job.dead_letters),
        **more,
    }
    job.config.write_text(yaml.safe_dump(content))
    return job


class Killer:
    """Kills the pass at the n-th phase of a request, or a little later."""

    def __init__(self, proxy: Proxy, phases: int, later: float) -> None:
        self._left, self._later, self._lock = phases, later, Lock()
        self.process = 0
        proxy.watch = self._watch

    def _watch(self, request: Request, phase: Phase) -> None:
        with self._lock:
            self._left -= 1
            if self._left != 0 or not self.process:
                return
        if self._later:
            Timer(self._later, self._kill).start()
        else:
            self._kill()

    def _kill(self) -> None:
        try:
            os.kill(self.process, signal.SIGKILL)
        except ProcessLookupError:
            return  # it had ended by itself


def kill_once(passes: Passes, proxy: Proxy, job: Job, chance: Random, phases: int) -> bool:
    """Run a pass of the job and kill it within so many phases of requests; False where it ended before, well."""
    killer = Killer(proxy, chance.randint(1, phases), chance.choice([0.0, chance.uniform(0.0, 0.06)]))
    running = passes.start("enrich", job.config)
    killer.process = running.process
    done = running.wait()
    killer.process = 0
    proxy.watch = lambda request, phase: None
    if done.code not in (0, 4, -signal.SIGKILL):
        raise AssertionError(f"a pass that goes on after a kill ended with {done.code}: {done.err}")
    return done.code == -signal.SIGKILL
