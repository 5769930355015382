"""Dead letters of a forwarder put through again: `logsentry dlq replay` with a configuration of `logsentry serve --forward`.

While the server runs a letter's record may still be open, since other events of it wait in sessions, and the server may have exporters
that let nobody write beside it. So the replay takes the forwarder's own state and refuses where a server has it, which then cannot start
meanwhile. Letters of records that are open all the same are left to the server (`open_letters.py`). All else is as for a pipeline
(`pipeline/replay.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from logsentry.config import Forward
from logsentry.errors import Unavailable, UsageError
from logsentry.pipeline.breaker import Notice, unnoticed
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.letters import Letter
from logsentry.pipeline.replay import Replayed, put_through
from logsentry.pipeline.stopping import Stop
from logsentry.schema.record import Cursor
from logsentry.sdk import Progress
from logsentry.server.forward.open_letters import came_to, open_ids
from logsentry.server.forward.parts import state_folder, state_of

OPEN = "the server has not finished with their records, and does when it starts"


def replay(
    config: Forward,
    file: Path | None,
    ids: Sequence[str],
    progress: Progress,
    notice: Notice = unnoticed,
    stop: Stop | None = None,
) -> Replayed:
    """Put dead letters of a forwarder through again; all of its file, or those with these ids.

    Raises what `put_through` raises, `Unavailable` while a server or another replay has the forwarder, and `UsageError` where the
    forwarder has never worked: relative paths begin elsewhere then, or the configuration has another name than before.
    """
    with _at_rest(config) as checkpoint:
        cursor = checkpoint.load().cursor
        return put_through(config, file, ids, progress, notice, stop, lambda found: _barred(config, cursor, found))


@contextmanager
def _at_rest(config: Forward) -> Iterator[Checkpoint]:
    name, spool = config.listen.name, config.listen.spool.folder
    for folder in (state_folder(config), spool):
        if not os.path.isdir(folder):
            raise UsageError(
                f"the forwarder {name} has left no folder {os.path.abspath(folder)}; start this as its server's user and where its server "
                "is started"
            )
    try:
        checkpoint = state_of(config)
    except Unavailable as error:
        raise Unavailable(f"stop the server of the forwarder {name} before its dead letters are replayed: {error}") from error
    with checkpoint:
        yield checkpoint


def _barred(config: Forward, cursor: Cursor | None, found: Sequence[Letter]) -> dict[str, str]:
    """{id: why} of letters that came to somebody else, and of those whose records are open, each with all others of its score."""
    name, spool = config.listen.name, Path(config.listen.spool.folder)
    own = {letter.id: letter.record for letter in found if letter.record is not None and came_to(name, letter.record.input)}
    waiting = open_ids(name, spool, cursor, {(record.origin, record.offset) for record in own.values()})
    scores = {letter.score for letter in found if letter.id in waiting and letter.score}
    barred = {letter.id: OPEN for letter in found if letter.id in waiting or letter.score in scores}
    return {letter.id: f"they did not come to the forwarder {name}" for letter in found if letter.id not in own} | barred
