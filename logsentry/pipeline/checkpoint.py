"""Where a pass stands, on disk, so that a crash at any moment loses nothing.

A state folder holds two generations of one small file (`generation.py`). Each save writes the older of the two anew: under a temporary
name, fsync, rename, fsync of the folder; so the newer one is whole at every moment. `load` never begins from the start because a file
is damaged: it takes the other generation and says so, or refuses. A lock (`lock.py`) keeps a second run out of the folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import msgspec

from logsentry.errors import LogsentryError, Unavailable, UsageError
from logsentry.pipeline.generation import FILES, VERSION, Found, Generation, Place, by_origin, encoded, inspect
from logsentry.pipeline.in_flight import Handed
from logsentry.pipeline.lock import locked
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor


class Resumed(msgspec.Struct, frozen=True):
    """Where to go on: a cursor, or None for the start. `warning` says what a damaged file has cost.

    `ahead`, `in_flight` and `ended` are of a `Generation`. `before` is the cursor of the generation before, which counts when the newest is
    lost. `again` says that an earlier run has used the folder, whether it came to save anything or not.
    """

    cursor: Cursor | None = None
    books: Books = Books()
    warning: str = ""
    ahead: frozenset[Place] = frozenset()
    before: Cursor | None = None
    again: bool = False
    in_flight: tuple[Handed, ...] = ()
    ended: tuple[str, ...] = ()


class Checkpoint:
    """The state folder of one run. Raises `Unavailable` where another run holds it."""

    def __init__(self, folder: Path, owner: str = "") -> None:
        self._folder, self._owner = folder, owner
        self._sequence, self._next, self._loaded = 0, FILES[0], False
        self._lock, self._again = locked(folder)

    def load(self) -> Resumed:
        """The newest whole generation.

        Raises `LogsentryError` where files are there and none is whole, or where a newer logsentry wrote them, and `UsageError`
        where they belong to another pipeline.
        """
        found = inspect(self._folder)
        self._refuse_newer(found)
        newest = max((f for f in found if f.generation), key=_sequence, default=None)
        faults = [f.fault for f in found if f.fault]
        if newest is None or newest.generation is None:
            if faults:
                raise LogsentryError(f"{'; '.join(faults)}; remove {self._folder} to read from the start")
            self._loaded = True
            return Resumed(again=self._again)
        generation = newest.generation
        if generation.owner != self._owner:
            raise UsageError(
                f"the state in {self._folder} is of {generation.owner!r}, not of {self._owner!r}; give another folder"
            )
        self._sequence, self._next, self._loaded = generation.sequence, _other(newest.path.name), True
        if not faults and generation.sequence > 1 and any(f.generation is None for f in found):
            faults = [f"{self._folder / self._next} is missing"]
        older = next((f.generation.cursor for f in found if f.generation and f is not newest), None)
        return Resumed(
            generation.cursor,
            generation.books,
            _cost(faults, generation),
            generation.places,
            older,
            True,
            generation.in_flight,
            generation.ended,
        )

    def _refuse_newer(self, found: list[Found]) -> None:
        if newer := max(f.newer for f in found):
            raise LogsentryError(
                f"the state in {self._folder} was written by a newer logsentry (format {newer}); upgrade this one"
            )

    def save(
        self,
        cursor: Cursor | None,
        books: Books,
        ahead: Iterable[Place] = (),
        in_flight: tuple[Handed, ...] = (),
        ended: Iterable[str] = (),
    ) -> None:
        """On disk when this returns. Raises `Unavailable` where it cannot be written; the generation before is whole then."""
        if not self._loaded:  # else a folder that is in use already would be numbered from one again
            self.load()
        path = self._folder / self._next
        generation = Generation(
            VERSION, self._owner, self._sequence + 1, cursor, books, by_origin(ahead), in_flight, tuple(ended)
        )
        try:
            _write(path, encoded(generation))
        except OSError as error:
            raise Unavailable(f"cannot save the checkpoint {path}: {error.strerror}") from error
        self._sequence, self._next = generation.sequence, _other(self._next)

    def close(self) -> None:
        """Let other runs have the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _other(name: str) -> str:
    return FILES[1 - FILES.index(name)]


def _sequence(found: Found) -> int:
    return found.generation.sequence if found.generation else 0


def _cost(faults: list[str], generation: Generation) -> str:
    if not faults:
        return ""
    return (
        f"{'; '.join(faults)}; going on from save {generation.sequence:,}: records after it may be read a second time, "
        "which their ids tell, and none is left out"
    )


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
