"""One record as an input read it: bytes, and where they were."""

from __future__ import annotations

import msgspec

Cursor = dict[str, int | str]
"""Means "resume after me". Only the input that made it reads it; the core stores it as JSON and hands it back."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One framed piece of an input, before any decoding.

    `input` is what a person calls the place (a path, `-`, an index). `origin` is the identity of the bytes behind it: the
    same file renamed, rotated or compressed keeps it, so ids made from it survive a replay. `offset` is the first byte of
    the record, counted in the uncompressed stream.
    """

    data: bytes
    input: str
    origin: str
    offset: int
    cursor: Cursor
