"""Dead letters of a forwarder whose records have not ended yet: a letter reaches the disk before the mark that its record has ended.

Between the two the server may be killed, and other events of the record may wait in sessions for long. The next start reads such a record
again. What it could not read then it may read by now, with another configuration; so its letter is taken out first, and written again
where nothing has changed. The letter of a refused score stays: its window is made again, with the same id (`pipeline/in_flight.py`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

import msgspec

from logsentry.errors import Unavailable
from logsentry.pipeline.letters import rewrite
from logsentry.schema.event import event_id
from logsentry.schema.record import Cursor
from logsentry.server.spool.input import present
from logsentry.server.spool.settled import Settled

Origin = tuple[str, int]
"""A record's origin and offset."""


class _Line(msgspec.Struct):
    """What has to be known of a letter to look for its record; the file may have hundreds of mebibytes."""

    input: str
    origin: str
    offset: int
    score: str = ""


_DECODER = msgspec.json.Decoder(_Line)


def came_to(name: str, input_: str) -> bool:
    """Whether a record with this input was delivered to the forwarder of this name."""
    return input_.startswith(f"{name} ")


def open_ids(name: str, folder: Path, cursor: Cursor | None, wanted: Container[Origin]) -> set[str]:
    """The ids (`event_id`) of those records of a spool that have not ended. Nobody may write to it meanwhile.

    `cursor` is that of the forwarder's checkpoint. Raises `Unavailable` where the spool cannot be read.
    """
    try:
        settled = Settled(folder)
        return {
            event_id(record)
            for record in present(folder, name, cursor)
            if (record.origin, record.offset) in wanted and record not in settled
        }
    except OSError as error:
        raise Unavailable(f"cannot read the spool {folder}: {error.strerror}") from error


def withdraw(path: Path, name: str, folder: Path, cursor: Cursor | None) -> None:
    """Before a server begins: take out the letters of records that could not be read, and are to be read again.

    Raises `Unavailable` where the file or the spool cannot be read or written.
    """
    wanted = {(line.origin, line.offset) for line in _lines(path) if came_to(name, line.input) and not line.score}
    if not wanted or not folder.is_dir():
        return
    if again := open_ids(name, folder, cursor, wanted):
        rewrite(path, lambda letter: None if letter.id in again and not letter.score else letter.said)


def _lines(path: Path) -> Iterator[_Line]:
    try:
        with open(path, "rb") as file:
            for line in file:
                try:
                    yield _DECODER.decode(line)
                except msgspec.DecodeError:
                    continue  # of an earlier version, or damaged: it belongs to no record that can be found again
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable(f"cannot read the dead letters {path}: {error.strerror}") from error
