"""Folders of a spool: filled by one process, read back by the next."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from logsentry.server.spool.folder import Spool
from logsentry.server.spool.records import Arrived, Place, Spooled


def arrived(data: bytes, own: str = "") -> Arrived:
    return Arrived(data, "test", "127.0.0.1", 1_700_000_000_000_000_000, own)


def lines(spooled: Sequence[Spooled]) -> list[bytes]:
    return [each.arrived.data for each in spooled]


def filled(folder: Path, groups: Sequence[Sequence[bytes]], segment_bytes: int = 1 << 20) -> list[Spooled]:
    """A spool with these records, a group in each request; answers them as they were read back."""

    async def fill() -> list[Spooled]:
        spool = Spool(folder, segment_bytes=segment_bytes)
        for group in groups:
            await spool.append([arrived(data) for data in group])
        found = list(spool.read())
        await spool.close()
        return found

    return asyncio.run(fill())


def reread(folder: Path, after: Place | None = None) -> tuple[list[bytes], Spool]:
    spool = Spool(folder)
    try:
        return lines(list(spool.read(after))), spool
    finally:
        spool.abandon()


class NewFolder:
    """One for each example of a property; `tmp_path` is one for all of a test."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="spool-"))
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path)
