"""One record as an input read it: bytes, and where they were."""

from __future__ import annotations

import msgspec

Cursor = dict[str, int | str]
"""Means "resume after me". Only the input that made it reads it; the core stores it as JSON and hands it back."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """Where a store keeps the document that a record was read from, so that a score can point at it.

    `seq_no` and `primary_term` are the version that was read, by which an update notices that somebody changed it since. `time` is the
    value of the field that the input goes by, in milliseconds since 1970.
    """

    index: str
    id: str
    seq_no: int = -1
    primary_term: int = -1
    time: int = 0


class Record(msgspec.Struct, frozen=True, gc=False):
    """One framed piece of an input, before any decoding.

    `input` is what a person calls the place (a path, `-`, an index). `origin` is the identity of the bytes behind it: the
    same file renamed, rotated or compressed keeps it, so ids made from it survive a replay. `offset` is the first byte of
    the record, counted in the uncompressed stream. A record out of a document store has an `address` there. `lacks` names the field that
    should have held the record and was not in its document: such a record is dead-lettered, and no source is asked what it makes of it.
    """

    data: bytes
    input: str
    origin: str
    offset: int
    cursor: Cursor
    address: Address | None = None
    lacks: str = ""
