"""Long lines that a container runtime cut into pieces: `… stdout P {"kind":…` and at last `… stdout F …}`.

Runtimes cut at 16 KiB (kubernetes/community, `node/kubelet-cri-logging.md`), and audit events with a body are often longer. The
pieces of one stream follow each other; they are put together before anything is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from logsentry.sdk import Record

_PIECE = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP])(?::\w+)* ")
_LARGEST = 64 << 20


class Chunks:
    """Takes records in order; answers those that are complete, each with the whole text as one record."""

    def __init__(self) -> None:
        self._open: dict[bytes, list[Record]] = {}
        self._bytes = 0

    def add(self, record: Record) -> list[tuple[tuple[Record, ...], Record]]:
        """[(the records read, the one to decode)]: empty while a line goes on."""
        found = _PIECE.match(record.data)
        if found is None:
            return [((record,), record)]
        if found[2] == b"P":
            self._open.setdefault(found[1], []).append(record)
            self._bytes += len(record.data)
            return self.rest() if self._bytes > _LARGEST else []
        pieces = [*self._open.pop(found[1], ()), record]
        self._bytes = sum(len(piece.data) for others in self._open.values() for piece in others)
        return [_whole(pieces)]

    def rest(self) -> list[tuple[tuple[Record, ...], Record]]:
        """What was begun and never ended: cut off, so it will be refused, all its pieces together."""
        begun, self._open, self._bytes = list(self._open.values()), {}, 0
        return [_whole(pieces) for pieces in begun]


def _whole(pieces: Sequence[Record]) -> tuple[tuple[Record, ...], Record]:
    first = pieces[0]
    text = first.data + b"".join(_PIECE.sub(b"", piece.data, count=1) for piece in pieces[1:])
    return tuple(pieces), Record(text, first.input, first.origin, first.offset, pieces[-1].cursor)
