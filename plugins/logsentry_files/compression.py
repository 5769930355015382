"""The uncompressed blocks of a file, whatever it is packed with.

The format is read from the first bytes, never from the name: gzip (RFC 1952, any number of members), zstd (RFC 8878), bz2
and xz; anything else passes as it is. Memory stays bounded whatever the archive says of itself, and everything that comes
before a damaged byte is given out before the damage is reported. Lines are cut in `lines.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from logsentry.sdk import InputError
from logsentry_files.formats import BLOCK, DAMAGE, Kind, kind_of
from logsentry_files.raw import Block, Raw

PIECE = 1 << 15
RATIO_COUNTS_FROM = 16 << 20
"""A short file of equal lines may honestly shrink a thousandfold; `max_ratio` is asked only beyond this many bytes."""


def unpacked(raw: Raw, max_ratio: float) -> Iterator[Block]:
    """The uncompressed blocks of a file from its start.

    Raises `InputError` where an archive is damaged, cut off, larger than `max_ratio` allows, or of a kind not read here.
    """
    kind = kind_of(raw.head(6))
    if isinstance(kind, str):
        raise InputError(f"{raw.path} is {kind}, which is not read; unpack it first")
    return raw.pieces(BLOCK) if kind is None else Unpacker(raw, kind, max_ratio).blocks()


class Unpacker:
    """The members of one archive, one after another."""

    def __init__(self, raw: Raw, kind: Kind, max_ratio: float) -> None:
        self._raw, self._kind, self._max_ratio = raw, kind, max_ratio
        self._codec = kind.new()
        self._member_at = 0  # where the member began in the file
        self._member_given = 0  # bytes that came out of it
        self._given = 0  # bytes that came out of all members

    def blocks(self) -> Iterator[Block]:
        for piece in self._raw.pieces(PIECE):
            if piece is None:
                yield None
            else:
                yield from self._members(piece)
        if not self._codec.eof:
            raise InputError(
                f"{self._raw.path} is cut off: its {self._kind.name} data stops in the middle at byte {self._raw.at:,}, "
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
                self._codec, self._member_at, self._member_given = self._kind.new(), end - len(piece), 0
            yield from self._decode(piece, end - len(piece))
            piece = self._codec.unused_data if self._codec.eof else b""

    def _decode(self, data: bytes, at: int) -> Iterator[bytes]:
        try:
            for out in self._codec.feed(data):
                yield self._counted(out)
        except DAMAGE as error:
            if self._raw.regular:
                yield from self._salvage(data, at)
            raise self._damaged(at, error) from error

    def _counted(self, out: bytes) -> bytes:
        self._given += len(out)
        self._member_given += len(out)
        if self._given > max(RATIO_COUNTS_FROM, self._max_ratio * self._raw.at):
            raise InputError(
                f"{self._raw.path} unpacks to more than {self._max_ratio:g} times its size by byte {self._raw.at:,}; "
                "raise max_ratio if you trust it"
            )
        return out

    def _salvage(self, data: bytes, at: int) -> Iterator[bytes]:
        """What the member still holds before the damage in `data`, which begins at byte `at`.

        A decompressor that fails keeps what it had unpacked of its last piece, so the member is unpacked again up to that
        piece, and then byte by byte.
        """
        codec, known = self._kind.new(), self._member_given
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

    def _damaged(self, at: int, error: Exception) -> InputError:
        return InputError(
            f"{self._raw.path} is damaged: its {self._kind.name} data breaks at byte {at:,}, "
            f"after {self._given:,} bytes of content ({error})"
        )
