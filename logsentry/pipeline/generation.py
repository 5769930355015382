"""What a checkpoint says, and how it stands in its file.

A generation is one line of JSON and one line with its CRC-32. Format 1 had neither `in_flight` nor `ended`, and is read as if both were
empty; a format after `VERSION` is told apart from damage, so that nobody repairs it. When which file is written is `checkpoint.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import msgspec

from logsentry.pipeline.in_flight import Handed
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor

VERSION = 2
Place = tuple[str, int]
"""(origin, offset) of a record."""

FILES = ("checkpoint-a.json", "checkpoint-b.json")


class Generation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One save. `sequence` counts the saves of the folder; `owner` is whose input this is a place in.

    Without a `cursor` the input begins at its start. Of the records behind the cursor, those in `ahead` are settled already, as
    {origin: offsets}, and are not to be taken again; `ended` are events that are, of records which have others that are not; `in_flight`
    are windows that an exporter may have.
    """

    version: int
    owner: str
    sequence: int
    cursor: Cursor | None
    books: Books
    ahead: dict[str, list[int]] = {}
    in_flight: tuple[Handed, ...] = ()
    ended: tuple[str, ...] = ()

    @property
    def places(self) -> frozenset[Place]:
        """`ahead` as places."""
        return frozenset((origin, offset) for origin, offsets in self.ahead.items() for offset in offsets)


class Found(msgspec.Struct, frozen=True):
    """One file of a state folder: its generation, or what is wrong with it; neither where there is no file.

    `newer` is the format of a file that is whole and that only a later logsentry can read.
    """

    path: Path
    generation: Generation | None = None
    fault: str = ""
    newer: int = 0


def by_origin(places: Iterable[Place]) -> dict[str, list[int]]:
    """Places as a generation keeps them."""
    found: dict[str, list[int]] = {}
    for origin, offset in places:
        found.setdefault(origin, []).append(offset)
    return found


def encoded(generation: Generation) -> bytes:
    """What a checkpoint file holds. Plain `json`, as a path may hold what is no UTF-8 and msgspec would refuse it."""
    body = json.dumps(msgspec.to_builtins(generation)).encode()
    return body + b"\ncrc32 %08x\n" % crc32(body)


def inspect(folder: Path) -> list[Found]:
    """Both files of a state folder, whole or not; needs no lock."""
    return [_found(folder / name) for name in FILES]


def _found(path: Path) -> Found:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Found(path)
    except OSError as error:
        return Found(path, fault=f"{path} cannot be read: {error.strerror}")
    body, newline, check = data.partition(b"\n")
    if not newline or check != b"crc32 %08x\n" % crc32(body):
        return Found(path, fault=f"{path} is damaged or cut off ({len(data):,} bytes do not match their checksum)")
    try:
        content = json.loads(body)
        if content["version"] > VERSION:
            return Found(path, newer=content["version"])
        return Found(path, msgspec.convert(content, Generation))
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        return Found(path, fault=f"{path} is whole, but no checkpoint: {error!r}")
