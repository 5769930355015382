"""State folders looked at and mended by a person: which generation is whole, what a repair would cost, and the repair itself.

Nothing here decides by itself to begin at the start. What is dropped is kept beside, as `NAME.damaged`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from logsentry.errors import LogsentryError, Unavailable, UsageError
from logsentry.pipeline import seen
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.generation import FILES, Found, Generation, encoded, inspect
from logsentry.store.bundles import write_whole

FROM_START = "it begins at the start: every record is read again, and told by its id where the store keeps ids"


class State(msgspec.Struct, frozen=True):
    """One state folder. `faults` are sentences; without any it is whole. `cost` is what a repair loses, empty where none can help."""

    folder: str
    owner: str = ""
    saves: int = 0
    cursor: dict[str, Any] | None = None
    settled: int = 0
    seen: int = 0
    faults: tuple[str, ...] = ()
    cost: str = ""

    @property
    def verdict(self) -> str:
        if not self.faults:
            return "whole" if self.saves else "new"
        return "damaged" if self.cost else "lost"


def where(path: Path) -> Path:
    """The folder of a configuration's states, be it of a pipeline or a forwarder, or the folder itself."""
    if path.is_dir():
        return path
    from logsentry.config import load_any  # YAML, which a folder has no use for

    return Path(load_any(path).state)


def states(root: Path) -> list[State]:
    """Every state folder at or below this one; needs no lock. Raises `UsageError` where there is none."""
    return [_state(folder) for folder in _folders(root)]


def repair(root: Path, from_start: bool = False) -> list[str]:
    """Mend what is damaged; one sentence for each thing that was done, with what it costs.

    Raises `LogsentryError` where no generation is whole, unless `from_start` says that every record may be read again, and
    `Unavailable` where a run uses a folder.
    """
    return [sentence for folder in _folders(root) for sentence in _repaired(folder, from_start)]


def _folders(root: Path) -> list[Path]:
    marks = ("lock", *FILES, seen.FILE)
    found = sorted({path.parent for name in marks for path in root.rglob(name) if path.is_file()})
    if not found:
        raise UsageError(f"there is no state in {root}; give a configuration file, or the folder that it names as `state`")
    return found


def _state(folder: Path) -> State:
    found = inspect(folder)
    newest = _newest(found)
    remembered = seen.load(folder / seen.FILE)
    faults = [each.fault or f"{each.path} was written by a newer logsentry (format {each.newer})" for each in found if _bad(each)]
    faults += [remembered.warning] if remembered.warning else []
    if newest is None:
        return State(str(folder), seen=remembered.count, faults=tuple(faults), cost=_cost(found, remembered))
    return State(
        str(folder),
        newest.owner,
        newest.sequence,
        newest.cursor,
        newest.books.read,
        remembered.count,
        tuple(faults),
        _cost(found, remembered),
    )


def _newest(found: list[Found]) -> Generation | None:
    whole = [each.generation for each in found if each.generation is not None]
    return max(whole, key=lambda generation: generation.sequence, default=None)


def _bad(found: Found) -> bool:
    return bool(found.fault or found.newer)


def _cost(found: list[Found], remembered: seen.Loaded) -> str:
    """What a repair loses, or nothing where it cannot help or is not needed."""
    if any(each.newer for each in found):
        return ""
    newest, damaged = _newest(found), any(each.fault for each in found)
    if damaged and newest is None:
        return ""
    costs = []
    if damaged and newest is not None:
        costs.append(f"it goes on from save {newest.sequence:,}; what was settled after it is read again, and told by its ids")
    if remembered.warning:
        costs.append(f"{max(remembered.damaged, 1):,} entries of records that were seen are forgotten")
    return "; ".join(costs)


def _repaired(folder: Path, from_start: bool) -> Iterator[str]:
    with Checkpoint(folder):
        state, found = _state(folder), inspect(folder)
        newer = any(each.newer for each in found)
        if newer or (state.verdict == "lost" and not from_start):
            raise LogsentryError(_hopeless(folder, found))
        if state.faults:
            yield from _mended(folder, found)
            if (folder / seen.FILE).exists():
                seen.Seen(folder)
            yield f"{folder}: {state.cost or FROM_START}"


def _hopeless(folder: Path, found: list[Found]) -> str:
    if newer := max(each.newer for each in found):
        return f"the state in {folder} was written by a newer logsentry (format {newer}); upgrade this one, it needs no repair"
    faults = "; ".join(each.fault for each in found if each.fault)
    return f"{faults}: nothing says where to go on; with --from-start every record is read again"


def _mended(folder: Path, found: list[Found]) -> Iterator[str]:
    """Put damaged files aside, and the whole generation in their place."""
    newest = _newest(found)
    try:
        for each in found:
            if _bad(each):
                aside = each.path.with_name(each.path.name + ".damaged")
                os.replace(each.path, aside)
                yield f"{each.path} was damaged and is kept as {aside.name}"
                if newest is not None:
                    write_whole(each.path, encoded(newest))
    except OSError as error:
        raise Unavailable(f"cannot mend the state in {folder}: {error.strerror}") from error


def sentences(state: State) -> list[str]:
    """What a person reads of one folder."""
    at = f"save {state.saves:,}, {state.settled:,} records read by that pass" if state.saves else "nothing saved yet"
    remembered = f", {state.seen:,} records remembered" if state.seen else ""
    lines = [f"{state.folder}: {state.verdict} ({at}{remembered})"]
    lines += [f"  {fault}" for fault in state.faults]
    if state.cost:
        lines.append(f"  a repair would cost: {state.cost}")
    return lines


def as_json(found: list[State]) -> str:
    """One array, an object a folder."""
    said = [{**msgspec.to_builtins(state), "verdict": state.verdict} for state in found]
    return msgspec.json.format(json.dumps(said), indent=2)
