"""Blocks of bytes cut into records that are no lines: JSON values, XML events, and the chunks of a Windows event log.

Each framing takes the blocks, which begin at `offset`, the largest record it may keep, and the first bytes of the file; it
can begin at the offset of any record, so that reading can be resumed. Nothing is parsed: what a record means is a source's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from logsentry.sdk import Framing
from logsentry_files.lines import Lines, cut, uncut
from logsentry_files.raw import Block

HEAD = 4096
"""Bytes of a file that a source may look at; an event log's header is as long (MS-EVEN6, libevtx: EVTX file header)."""

EVTX_CHUNK = 65_536

Frame = Callable[[Iterable[Block], int, int, bytes], Iterator[Lines | None]]

_JSON_MARK = re.compile(rb'["{}\[\]\\]')
_IN_STRING = re.compile(rb'["\\]')
_EVENT_BEGIN = re.compile(rb"<(?:\w+:)?Event[\s>]")
_EVENT_END = re.compile(rb"</(?:\w+:)?Event\s*>")


def json_values(blocks: Iterable[Block], offset: int, limit: int, head: bytes) -> Iterator[Lines | None]:
    """Each top-level object, and each element of a top-level array; what stands between them and is no JSON is a record too."""
    yield from _scanned(blocks, offset, limit, _next_value)


def xml_events(blocks: Iterable[Block], offset: int, limit: int, head: bytes) -> Iterator[Lines | None]:
    """Each `<Event …>…</Event>`; what encloses them (`<Events>`, a declaration) is left out."""
    yield from _scanned(blocks, offset, limit, _next_event)


def evtx_chunks(blocks: Iterable[Block], offset: int, limit: int, head: bytes) -> Iterator[Lines | None]:
    """The file's header and one chunk, chunk by chunk. The last one may be shorter, where the file was cut off."""
    held = b""
    for block in blocks:
        if block is None:
            yield None
            continue
        held += block
        if offset < HEAD:
            skipped = min(HEAD - offset, len(held))
            held, offset = held[skipped:], offset + skipped
        while len(held) >= EVTX_CHUNK:
            yield Lines(offset, [head + held[:EVTX_CHUNK]], ended=False, span=EVTX_CHUNK)
            held, offset = held[EVTX_CHUNK:], offset + EVTX_CHUNK
    if held:
        yield Lines(offset, [head + held], ended=False, span=len(held))


Next = Callable[[bytes, bool], tuple[int, int] | None]
"""(held, last) -> the place of the first whole record in what is held, or None where more is needed."""


def _scanned(blocks: Iterable[Block], offset: int, limit: int, next_: Next) -> Iterator[Lines | None]:
    held = b""
    for block in blocks:
        if block is None:
            yield None
            continue
        held += block
        found = next_(held, False)
        at = 0
        while found is not None:
            begin, end = found
            yield _record(held[at + begin : at + end], offset + at + begin, limit)
            at += end
            found = next_(held[at:] if at else held, False)
        held, offset = held[at:], offset + at
    found = next_(held, True)
    while found is not None:
        begin, end = found
        yield _record(held[begin:end], offset + begin, limit)
        held, offset = held[end:], offset + end
        found = next_(held, True)


def _record(data: bytes, offset: int, limit: int) -> Lines:
    return Lines(offset, [data[:limit]], len(data) if len(data) > limit else 0, ended=False)


def _next_value(held: bytes, last: bool) -> tuple[int, int] | None:
    begin = len(held) - len(held.lstrip(b" \t\r\n,[]\xef\xbb\xbf\x00"))
    if begin == len(held):
        return None
    if held[begin : begin + 1] != b"{":  # no object: take the line, for the source to refuse
        end = held.find(b"\n", begin)
        return (begin, end) if end >= 0 else (begin, len(held)) if last else None
    end = _closed(held, begin)
    return (begin, end) if end else (begin, len(held)) if last else None


def _closed(held: bytes, begin: int) -> int:
    """The end of the object that begins here, or 0 where it is not closed yet."""
    depth, at, quoted = 0, begin, False
    while True:
        mark = (_IN_STRING if quoted else _JSON_MARK).search(held, at)
        if mark is None:
            return 0
        byte, at = mark[0], mark.end()
        if byte == b"\\":
            at += 1
        elif byte == b'"':
            quoted = not quoted
        else:
            depth += 1 if byte in b"{[" else -1
            if depth == 0:
                return at


def _next_event(held: bytes, last: bool) -> tuple[int, int] | None:
    begin = _EVENT_BEGIN.search(held)
    if begin is None:
        return None
    end = _EVENT_END.search(held, begin.end())
    if end is None:
        return (begin.start(), len(held)) if last else None
    return begin.start(), end.end()


FRAMES: dict[Framing, Frame] = {
    "lines": lambda blocks, offset, limit, head: cut(blocks, offset, limit),
    "document": lambda blocks, offset, limit, head: uncut(blocks, offset, limit),
    "json": json_values,
    "xml": xml_events,
    "evtx": evtx_chunks,
}
