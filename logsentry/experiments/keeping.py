"""Work that is done once and kept, each answer in a JSON file named by what was asked, so that a run that was killed goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from logsentry.sdk import Progress
from logsentry.store.bundles import write_whole


class Asks(Protocol):
    """A question. `digest` is of all that its answer depends on."""

    @property
    def digest(self) -> str: ...


A = TypeVar("A", bound=Asks)
F = TypeVar("F", bound=msgspec.Struct)


class Kept:
    """A folder of answers. `fresh` forgets the finished ones among those asked first."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        self._folder, self._fresh = folder, fresh

    def each(
        self, asked: Sequence[A], kind: type[F], work: Callable[[A, Progress], F], title: Callable[[A], str], progress: Progress
    ) -> Iterator[tuple[A, F]]:
        """Each in turn, so that no more than one need be in memory: found finished as a `kind`, or worked out and written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._fresh:
            for one in asked:
                self._path(one).unlink(missing_ok=True)
        for done, one in enumerate(asked):
            yield one, self._one(one, kind, work, within(progress, done, len(asked), title(one)))
        progress(len(asked), len(asked), "")

    def _one(self, asked: A, kind: type[F], work: Callable[[A, Progress], F], progress: Progress) -> F:
        path = self._path(asked)
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=kind)
        progress(0, 0, "")
        finished = work(asked, progress)
        write_whole(path, msgspec.json.encode(finished))
        return finished

    def _path(self, asked: Asks) -> Path:
        return self._folder / f"{asked.digest}.json"


def within(progress: Progress, finished: int, count: int, title: str) -> Progress:
    """The bar counts answers; how far the present one is stands in the note."""

    def told(done: int, total: int, note: str) -> None:
        share = f" {100 * done // total} %" if total else ""
        progress(finished, count, f"{title}{share} {note}".rstrip())

    return told
