"""Dead letters read back: what a line says, whether its record can be put through again, and lines taken out or changed.

Lines of every version are read: those of before had no origin, so that the ids of what comes out of them cannot be equal to
those of the first try. They can be looked at and thrown away, and not replayed.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from logsentry.errors import InputError, Unavailable, UsageError
from logsentry.pipeline.deadletters import locked
from logsentry.pipeline.letter_lines import encoded
from logsentry.schema.event import event_id
from logsentry.schema.record import Address, Record
from logsentry.store.bundles import write_whole


class Letter(msgspec.Struct, frozen=True):
    """One line. `record` is what it can be replayed as, or None, and `kept_back` is why."""

    said: dict[str, Any]
    record: Record | None = None
    kept_back: str = ""

    @property
    def id(self) -> str:
        return str(self.said.get("id", ""))

    @property
    def score(self) -> str:
        """The id of the score that was refused, where the record could be read and its score could not be stored."""
        return str(self.said.get("score", ""))

    @property
    def attempts(self) -> int:
        attempts = self.said.get("attempts", 1)
        return attempts if isinstance(attempts, int) else 1


def letters(path: Path) -> list[Letter]:
    """Every whole line, in order. Raises `UsageError` where there is no such file, `InputError` where it holds something else."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"there is no file of dead letters at {path}; nothing was dead-lettered, or give another --file"
        ) from None
    except OSError as error:
        raise Unavailable(f"cannot read the dead letters {path}: {error.strerror}") from error
    return list(_letters(path, data))


def chosen(found: Sequence[Letter], ids: Sequence[str]) -> list[Letter]:
    """Those whose id, or whose score's id, begins so, and all that belong to one score with them; all where no id is given.

    Raises `UsageError` for an id that none has.
    """
    if not ids:
        return list(found)
    for wanted in ids:
        if not any(_is(letter, wanted) for letter in found):
            raise UsageError(f"no dead letter has the id {wanted!r}; see logsentry dlq list")
    named = [letter for letter in found if any(_is(letter, wanted) for wanted in ids)]
    scores = {letter.score for letter in named if letter.score}
    keys = {letter.id for letter in named}
    return [letter for letter in found if letter.id in keys or letter.score in scores]


def _is(letter: Letter, wanted: str) -> bool:
    return bool(wanted) and (letter.id.startswith(wanted) or letter.score.startswith(wanted))


def rewrite(path: Path, change: Callable[[Letter], Mapping[str, Any] | None]) -> int:
    """Replace each line by what `change` makes of it, None takes it out; answers how many were taken out.

    The file is written as a whole while nobody can add to it, so that a crash leaves the old one or the new one. Raises `Unavailable`.
    """
    try:
        with locked(path) as file:
            file.seek(0)
            found = list(_letters(path, file.read()))
            left = [said for said in map(change, found) if said is not None]
            if left != [letter.said for letter in found]:
                before = os.fstat(file.fileno())
                write_whole(path, b"".join(map(encoded, left)))
                _give_back(path, before)
    except OSError as error:
        raise Unavailable(f"cannot write the dead letters {path}: {error.strerror}") from error
    return len(found) - len(left)


def _give_back(path: Path, before: os.stat_result) -> None:
    """The rights that it had, and where root took lines out its owner too, who may be a server that adds more."""
    os.chmod(path, before.st_mode & 0o777)
    if os.geteuid() == 0:
        os.chown(path, before.st_uid, before.st_gid)


def _letters(path: Path, data: bytes) -> Iterator[Letter]:
    at = 0
    for line in data.split(b"\n")[:-1]:  # half a line at the end is what a crash left, and its record was not settled
        yield _letter(path, at, line)
        at += len(line) + 1


def _letter(path: Path, at: int, line: bytes) -> Letter:
    try:
        said = json.loads(line)
        if not isinstance(said["id"], str):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path} holds something else than dead letters at byte {at:,}; give another file") from None
    try:
        record = _record(said)
    except (ValueError, KeyError, TypeError, NotBase64, msgspec.ValidationError) as error:
        return Letter(said, None, str(error) if type(error) is _KeptBack else "the line is damaged")
    return Letter(said, record)


class _KeptBack(ValueError):
    """Why a line cannot be replayed."""


def _record(said: Mapping[str, Any]) -> Record:
    if "origin" not in said:
        raise _KeptBack("an earlier version wrote the line, without the record's origin")
    if said.get("truncated"):
        raise _KeptBack("the record was too long to be kept whole")
    text = msgspec.convert(said["record"], str)
    data = b64decode(text, validate=True) if said.get("encoding") == "base64" else text.encode()
    line = said.get("line")
    cursor = {} if line is None else {"line": line}
    record = Record(data, said["input"], said["origin"], said["offset"], cursor, _address(said), said.get("lacks", ""))
    if event_id(record) != said["id"]:
        raise _KeptBack("the line was changed: its record has not the id that it says")
    return record


def _address(said: Mapping[str, Any]) -> Address | None:
    if "index" not in said:
        return None
    seq_no, primary_term = said["version"]
    found = {"index": said["index"], "id": said["document"], "seq_no": seq_no, "primary_term": primary_term, "time": said["time"]}
    return msgspec.convert(found, Address)
