"""The archive formats that are read, known by their first bytes, and one member of each being unpacked in bounded memory.

The child of `compression.py` lives on this and its like, so only small modules are imported here, and zstandard when it is asked for.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator

BLOCK = 1 << 18  # measured: 5-10 % more lines a second than 1 MiB, which leaves the second-level cache

DAMAGE: tuple[type[Exception], ...] = (zlib.error, OSError, EOFError, lzma.LZMAError)  # bz2 reports damage as OSError


class Gzip:
    """zlib keeps no more than `BLOCK` bytes at a time when told so; what it has not taken waits in `unconsumed_tail`."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    def feed(self, data: bytes) -> Iterator[bytes]:
        full = False
        while (data or full) and not self._zlib.eof:
            out = self._zlib.decompress(data, BLOCK)
            data, full = self._zlib.unconsumed_tail, len(out) == BLOCK
            if out:
                yield out

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data


class Bounded:
    """bz2 and lzma, which bound their output themselves."""

    def __init__(self, decompressor: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._inner = decompressor

    def feed(self, data: bytes) -> Iterator[bytes]:
        out = self._inner.decompress(data, BLOCK)
        while out:
            yield out
            out = b"" if self._inner.eof or self._inner.needs_input else self._inner.decompress(b"", BLOCK)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class Zstd:
    """zstandard bounds no output, but 4 bytes make at most one block of 128 KiB (RFC 8878, 3.1.1.2): so 1 KiB at a time."""

    STEP = 1024

    def __init__(self) -> None:
        import zstandard  # takes longer to import than the child to start

        self._error = zstandard.ZstdError
        self._zstd = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        self.eof = False
        self.unused_data = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), self.STEP):
            if out := self._decompressed(data[at : at + self.STEP]):
                yield out
            if self._zstd.eof:
                self.eof, self.unused_data = True, self._zstd.unused_data + data[at + self.STEP :]
                return

    def _decompressed(self, data: bytes) -> bytes:
        try:
            return self._zstd.decompress(data)
        except self._error as error:  # named here, since `DAMAGE` cannot name it before the import
            raise EOFError(str(error)) from error


Codec = Gzip | Bounded | Zstd
"""One member of an archive being unpacked: `feed` it until its `eof`; `unused_data` is what stood behind it."""

CODECS: dict[str, Callable[[], Codec]] = {
    "gzip": Gzip,
    "zstd": Zstd,
    "bz2": lambda: Bounded(bz2.BZ2Decompressor()),
    "xz": lambda: Bounded(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 << 20)),
}
_MAGICS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes([low]) + b"\x2a\x4d\x18": "zstd" for low in range(0x50, 0x60)},  # skippable frames, as pzstd writes them first
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x04\x22\x4d\x18": "an lz4 file",
    b"\x1f\x9d": "a compress (.Z) file",
}


def kind_of(head: bytes) -> str | None:
    """The archive format that begins so, which is read where `CODECS` has it, or None for plain content."""
    return next((kind for magic, kind in _MAGICS.items() if head.startswith(magic)), None)
