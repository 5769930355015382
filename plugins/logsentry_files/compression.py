"""The uncompressed blocks of a file, whatever it is packed with.

The format is read from the first bytes, never from the name: gzip (RFC 1952, any number of members), zstd (RFC 8878), bz2
and xz; anything else passes as it is. Archives are unpacked in a child process, one after another. Lines are cut in `lines.py`.

Measured on 60 MB of access lines in gzip: 20 ms of computing to start the child, a third more of computing in all than in one process,
and a fifth less in this one, which is the one that is waited for where there are two cores. A small archive takes 0.3 ms.
"""

from __future__ import annotations

from collections.abc import Iterator

from logsentry.sdk import InputError
from logsentry_files.child import Child, Gone
from logsentry_files.formats import BLOCK, CODECS, kind_of
from logsentry_files.messages import DATA, REFUSED, SHORT
from logsentry_files.raw import IDLE_SECONDS, Block, Raw

MEMORY = 512 << 20
"""For the child's whole address space: 256 MiB for the largest dictionary that is read (`formats.py`), the rest for Python."""

SECONDS = 20
"""Of computing in which nothing is read and nothing comes out: no format takes a hundredth of that for a block."""


class Archives:
    """Unpacks archives, one at a time, in one child that is started for the first of them.

    `memory` is in bytes; `seconds` are those that may be computed without anything being read or given out. Beginning an archive
    ends the one before, so that a thousand small archives, or the first lines of a thousand large ones, cost one child.
    """

    def __init__(self, memory: int = MEMORY, seconds: int = SECONDS) -> None:
        self._memory, self._seconds = memory, seconds
        self._number = 0
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, where there is a child."""
        return self._child.pid if self._child else None

    def unpacked(self, raw: Raw, max_ratio: float) -> Iterator[Block]:
        """The uncompressed blocks of a file from its start; a plain file is read here.

        Raises `InputError` where an archive is damaged, cut off, larger than `max_ratio` allows, beyond the limits, or of a kind
        not read here.
        """
        kind = kind_of(raw.head(6))
        if kind is None:
            return raw.pieces(BLOCK)
        if kind not in CODECS:
            raise InputError(f"{raw.path} is {kind}, which is not read; unpack it first")
        return self._content(raw, max_ratio)

    def close(self) -> None:
        """End the child; the next archive starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def __del__(self) -> None:
        self.close()

    def _content(self, raw: Raw, max_ratio: float) -> Iterator[Block]:
        given = 0
        self._number += 1
        try:
            child = self._running()
            child.ask(self._number, raw, max_ratio)
            while True:
                answer = child.answer(self._number, None if raw.regular else IDLE_SECONDS)
                if answer is None:
                    yield None
                    continue
                kind, raw.at, payload = answer
                if kind != DATA:
                    break
                given += len(payload)
                yield payload
        except Gone as gone:
            self.close()
            raise InputError(f"{raw.path} cannot be unpacked: {gone}, after {given:,} bytes of content") from None
        if kind == REFUSED:
            raise InputError(payload.decode("utf-8", "surrogateescape"))
        if kind == SHORT:
            raise InputError(
                f"{raw.path} cannot be unpacked: that takes more than the {self._memory >> 20:,} MiB of memory it may have, "
                f"after {given:,} bytes of content; pack it with a smaller dictionary"
            )

    def _running(self) -> Child:
        if self._child is None or self._child.ended:
            self.close()
            self._child = Child(self._memory, self._seconds)
        return self._child
