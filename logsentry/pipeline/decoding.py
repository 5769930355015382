"""One pass from files to ECS documents: what a source makes of a log, for a person or another program to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import orjson

from logsentry.errors import InputError
from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.decode import position, read
from logsentry.schema.books import Books
from logsentry.sdk import Progress


def decode_to(
    out: BinaryIO, source_name: str, paths: Sequence[str], dead_letters: Path, progress: Progress
) -> tuple[Books, InputError | None]:
    """Write one JSON line an event; answers the books, and what broke the input off, if anything did."""
    source = make_source(source_name)
    input_, dead = make_files(paths, source), DeadLetters(dead_letters)
    records = filtered = buried = 0
    failure = None
    try:
        for decoded in read(input_, source):
            if decoded is None:
                continue
            records += len(decoded.records)
            filtered += len(decoded.records) if decoded.filtered else 0
            if decoded.bad:
                for record in decoded.records:
                    dead.write(record, source.name, decoded.bad)
                buried += len(decoded.records)
            for event in decoded.events:
                out.write(orjson.dumps(event.document(), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS))
            if records % 1000 < len(decoded.records):
                progress(*position(input_), f"{records:,} records")
    except InputError as error:
        failure = error
    finally:
        dead.flush()
        input_.close()
    if failure is not None and not records:
        raise failure
    out.flush()
    return Books(records, records - filtered - buried, 0, filtered, buried), failure
