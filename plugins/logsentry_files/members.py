"""An archive unpacked, member after member, up to the very byte where it is damaged. This runs in the child.

Memory stays bounded whatever the archive says of itself, and everything that comes before a damaged byte is given out before the
damage is reported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from logsentry_files.formats import CODECS, DAMAGE

PIECE = 1 << 15
RATIO_COUNTS_FROM = 16 << 20
"""A short file of equal lines may honestly shrink a thousandfold; `max_ratio` is asked only beyond this many bytes."""


class Refused(Exception):
    """The archive is damaged, cut off, or unpacks to too much; the text is the whole sentence for the user."""


class Packed:
    """The bytes of an archive, of which the parent has read `head` from `descriptor`; `at` counts those given out.

    `ready` is asked before each read: whether there is something to read now, or, asked with True, once there is.
    """

    def __init__(self, path: str, descriptor: int, regular: bool, head: bytes, ready: Callable[[bool], bool]) -> None:
        self.path, self.regular = path, regular
        self.at = 0
        self._descriptor, self._head, self._ready = descriptor, head, ready

    def pieces(self, size: int) -> Iterator[bytes | None]:
        """What follows, in pieces of at most `size` bytes (the first may be longer); None before waiting for a pipe."""
        piece, self._head = self._head, b""
        while piece or (piece := self._read(size)):
            self.at += len(piece)
            yield piece
            piece = b""
            if not self._ready(False):
                yield None
                self._ready(True)

    def seek(self, at: int) -> None:
        self._head, self.at = b"", at
        os.lseek(self._descriptor, at, os.SEEK_SET)

    def _read(self, size: int) -> bytes:
        try:
            return os.read(self._descriptor, size)
        except OSError as error:
            raise Refused(f"cannot read {self.path}: {error.strerror or error}") from error


class Unpacker:
    """The members of one archive, one after another."""

    def __init__(self, raw: Packed, kind: str, max_ratio: float) -> None:
        self._raw, self._kind, self._max_ratio = raw, kind, max_ratio
        self._codec = CODECS[kind]()
        self._member_at = 0  # where the member began in the file
        self._member_given = 0  # bytes that came out of it
        self._given = 0  # bytes that came out of all members

    def blocks(self) -> Iterator[bytes | None]:
        """The content; None before the archive's pipe is waited for. Raises `Refused`, and `MemoryError`."""
        for piece in self._raw.pieces(PIECE):
            if piece is None:
                yield None
            else:
                yield from self._members(piece)
        if not self._codec.eof:
            raise Refused(
                f"{self._raw.path} is cut off: its {self._kind} data stops in the middle at byte {self._raw.at:,}, "
                f"after {self._given:,} bytes of content"
            )

    def _members(self, piece: bytes) -> Iterator[bytes]:
        end = self._raw.at
        while True:
            if self._codec.eof:
                piece = piece.lstrip(b"\0")  # gzip and xz allow padding between members
            if not piece:
                return
            if self._codec.eof:
                self._codec, self._member_at, self._member_given = CODECS[self._kind](), end - len(piece), 0
            yield from self._decode(piece, end - len(piece))
            piece = self._codec.unused_data if self._codec.eof else b""

    def _decode(self, data: bytes, at: int) -> Iterator[bytes]:
        try:
            for out in self._codec.feed(data):
                yield self._counted(out)
        except DAMAGE as error:
            if "memory" in str(error).lower():  # liblzma and libzstd say so of a dictionary that is larger than they may make
                raise MemoryError(str(error)) from error
            if self._raw.regular:
                yield from self._salvage(data, at)
            raise self._damaged(at, error) from error

    def _counted(self, out: bytes) -> bytes:
        self._given += len(out)
        self._member_given += len(out)
        if self._given > max(RATIO_COUNTS_FROM, self._max_ratio * self._raw.at):
            raise Refused(
                f"{self._raw.path} unpacks to more than {self._max_ratio:g} times its size by byte {self._raw.at:,}; "
                "raise max_ratio if you trust it"
            )
        return out

    def _salvage(self, data: bytes, at: int) -> Iterator[bytes]:
        """What the member still holds before the damage in `data`, which begins at byte `at`.

        A decompressor that fails keeps what it had unpacked of its last piece, so the member is unpacked again up to that
        piece, and then byte by byte.
        """
        codec, known = CODECS[self._kind](), self._member_given
        for place, part in self._again(data, at):
            try:
                for out in codec.feed(part):
                    fresh, known = out[known:], max(0, known - len(out))
                    if fresh:
                        yield self._counted(fresh)
            except DAMAGE as error:
                raise self._damaged(place, error) from error

    def _again(self, data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        self._raw.seek(self._member_at)
        while size := min(PIECE, at - self._raw.at):
            place = self._raw.at
            yield place, next(self._raw.pieces(size), b"") or b""
            if self._raw.at == place:  # the file shrank meanwhile
                return
        for index in range(len(data)):
            yield at + index, data[index : index + 1]

    def _damaged(self, at: int, error: Exception) -> Refused:
        return Refused(
            f"{self._raw.path} is damaged: its {self._kind} data breaks at byte {at:,}, "
            f"after {self._given:,} bytes of content ({error})"
        )
