"""What a forwarder works with: its state, bundle, source, exporters, dead letters and spool, opened so that nothing stays open where one
of them is refused."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from logsentry.config import Forward
from logsentry.pipeline.build import built
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.opening import digest_of
from logsentry.sdk import Exporter, Source
from logsentry.server.forward.buried import Buried
from logsentry.server.forward.following import Following, followed
from logsentry.server.forward.open_letters import withdraw
from logsentry.server.limits import Limits
from logsentry.server.spool.folder import Spool


class Parts(msgspec.Struct, frozen=True):
    """`close` lets go of all but the spool, which may have writers still."""

    config: Forward
    checkpoint: Checkpoint
    following: Following
    source: Source
    exporters: tuple[Exporter, ...]
    buried: Buried
    spool: Spool
    open: ExitStack

    def close(self) -> None:
        self.open.close()


def parts(config: Forward, limits: Limits, follow_seconds: float) -> Parts:
    """Raises what is wrong with the configuration, and `Unavailable` where another process has its spool or its state."""
    with ExitStack() as stack:
        checkpoint = stack.enter_context(state_of(config))
        cursor, folder, path = checkpoint.load().cursor, Path(config.listen.spool.folder), Path(config.dead_letters)
        following = followed(config, follow_seconds)
        source: Source = built("sources", config.source)
        exporters = tuple(stack.enter_context(closing(built("exporters", part))) for part in config.exporters)
        buried = Buried(path, limits.dead_letter_bytes, digest_of(config), following.digest)
        withdraw(path, config.listen.name, folder, cursor)
        spool = Spool(folder, config.listen.spool.most_bytes, refuses=buried.full)
        return Parts(config, checkpoint, following, source, exporters, buried, spool, stack.pop_all())


def state_of(config: Forward) -> Checkpoint:
    """Held by one process at a time. Raises `Unavailable` where another one has it."""
    return Checkpoint(state_folder(config), f"{config.source.use} forward {config.listen.name}")


def state_folder(config: Forward) -> Path:
    return Path(config.state) / f"forward-{config.listen.name}"
