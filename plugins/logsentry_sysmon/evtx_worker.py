"""The child process that reads chunks of Windows event logs; started by `evtx_chunk.py` as a script, imported by nobody.

It is given its limit of memory in bytes, because a damaged or hostile chunk may make the reader loop, take all memory or crash. It
reads a length and a chunk, and answers with a length and the records as JSON, one a line; behind a NUL stand the reasons for which
others could not be read, one a line.
"""

from __future__ import annotations

import io
import resource
import struct
import sys
from typing import Any, BinaryIO

from evtx import PyEvtxParser

LENGTH = struct.Struct("<I")
MOST_ERRORS = 4096  # a chunk of 64 KiB holds fewer records than that


def answer(chunk: bytes) -> bytes:
    """The records of one chunk, with its file's header before it."""
    good: list[str] = []
    bad: list[str] = []
    try:
        records = PyEvtxParser(io.BytesIO(chunk), number_of_threads=1).records_json()
        while len(bad) < MOST_ERRORS:
            try:
                good.append(_json(next(records)))
            except StopIteration:
                break
            except RuntimeError as error:  # one record that cannot be read; the next may be sound
                bad.append(_line(error))
    except (RuntimeError, OSError, ValueError) as error:  # no header, or no chunk
        bad.append(_line(error))
    return "\n".join(good).encode() + b"\0" + "\n".join(bad).encode()


def _json(record: dict[str, Any] | None) -> str:
    if record is None:  # the package's types allow it; it was never seen
        raise RuntimeError("a record without content")
    return str(record["data"])


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def serve(given: BinaryIO, answers: BinaryIO) -> None:
    """Answer chunk after chunk until there are no more."""
    while len(head := given.read(LENGTH.size)) == LENGTH.size:
        told = answer(given.read(LENGTH.unpack(head)[0]))
        answers.write(LENGTH.pack(len(told)) + told)
        answers.flush()


if __name__ == "__main__":
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
