"""One input being read: its identity, and its content from any place on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import chain
from types import TracebackType

from logsentry.sdk import Framing, InputError
from logsentry_files.compression import Archives
from logsentry_files.config import FilesConfig
from logsentry_files.formats import BLOCK, kind_of
from logsentry_files.framings import FRAMES, HEAD
from logsentry_files.lines import Lines
from logsentry_files.raw import Block, Raw

FIRST_LINE = 64 << 10
UTF8_BOM = b"\xef\xbb\xbf"
EVTX_MAGIC = b"ElfFile\0"


class Stream:
    """`origin` is a digest of the first line that is no comment, so a file keeps it when it is renamed or compressed.

    `begin` is the first byte of content: 3 where a UTF-8 byte order mark comes first.
    """

    def __init__(
        self, path: str, config: FilesConfig, archives: Archives, choose: Callable[[bytes], Framing] | None = None
    ) -> None:
        self._config = config
        self._raw = Raw(path)
        try:
            self.plain = kind_of(self._raw.head(6)) is None
            self._blocks = archives.unpacked(self._raw, config.max_ratio)
            self._held: list[bytes] = []
            head = self._first_blocks()
            _refuse(path, head)
        except BaseException:
            self._raw.close()
            raise
        self.begin = len(UTF8_BOM) if head.startswith(UTF8_BOM) else 0
        self.origin = blake2b(_telling(head[self.begin : self.begin + FIRST_LINE]), digest_size=16).hexdigest()
        self._head = head[:HEAD]
        self._framing = config.framing if choose is None else choose(self._head)

    def _first_blocks(self) -> bytes:
        """Enough of the content to hold its first line and its head; it is kept to be given out again."""
        head = b""
        while self._wanted(head) and (block := _next(self._blocks)):
            self._held.append(block)
            head += block
        return head

    def _wanted(self, head: bytes) -> bool:
        """A pipe may have said all it has to say for now: it is not asked for more than its first line, but for an event log."""
        patient = self._raw.regular or head.startswith(EVTX_MAGIC)
        return len(head) <= FIRST_LINE and (b"\n" not in head or (patient and len(head) < HEAD))

    @property
    def seekable(self) -> bool:
        return self.plain and self._raw.regular

    @property
    def regular(self) -> bool:
        """A file, not a pipe: it can be read again."""
        return self._raw.regular

    @property
    def size(self) -> int:
        """Bytes of the file itself that were read."""
        return self._raw.at

    def lines(self, start: int) -> Iterator[Lines | None]:
        """The content from byte `start` on, framed; once for each stream, as a pipe cannot be read twice."""
        return FRAMES[self._framing](self._from(start), start, self._config.max_record_bytes, self._head)

    def _from(self, start: int) -> Iterator[Block]:
        if self.seekable and start:
            self._raw.seek(start)
            return self._raw.pieces(BLOCK)
        return _skipped(chain(self._held, self._blocks), start)

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _telling(head: bytes) -> bytes:
    """The first line that is no comment: every IIS log begins with the same ones (`#Software: …`)."""
    whole, newline, _ = head.rpartition(b"\n")
    lines = whole.split(b"\n") if newline else [head]
    return next((line for line in lines if not line.startswith(b"#")), lines[0])


def _next(blocks: Iterator[Block]) -> bytes:
    return next((block for block in blocks if block), b"")


def _skipped(blocks: Iterator[Block], count: int) -> Iterator[Block]:
    for block in blocks:
        if block is None or not count:
            yield block
        else:
            if rest := block[count:]:
                yield rest
            count = max(0, count - len(block))


def _refuse(path: str, head: bytes) -> None:
    """Content that has no lines to cut: one sentence now is worth more than a million dead letters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8 {path}")
    if head[257:262] == b"ustar":
        raise InputError(f"{path} holds a tar archive; unpack it first")
