"""Callers that wait at once share a sync, and none takes another's records with it."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest
from services.spools import arrived, lines

from logsentry.server.spool.folder import Spool


def test_requests_that_wait_at_once_share_a_sync_and_keep_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = 0
    really = os.fdatasync

    def counted(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        really(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)

    async def many() -> list[bytes]:
        spool = Spool(tmp_path)
        await asyncio.gather(*(spool.append([arrived(b"%d a" % n), arrived(b"%d b" % n)]) for n in range(200)))
        found = lines(list(spool.read()))
        await spool.close()
        return found

    found = asyncio.run(many())
    assert len(found) == 400
    assert all(a.split()[0] == b.split()[0] for a, b in zip(found[::2], found[1::2], strict=True))
    assert syncs < 10


def test_a_client_that_goes_away_takes_nobody_with_it(tmp_path: Path) -> None:
    async def leave() -> list[bytes]:
        spool = Spool(tmp_path)
        first = asyncio.create_task(spool.append([arrived(b"of the one who leaves")]))
        others = [asyncio.create_task(spool.append([arrived(b"%d" % n)])) for n in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(*others)
        with suppress(asyncio.CancelledError):
            await first
        found = lines(list(spool.read()))
        await spool.close()
        return found

    assert {b"0", b"1", b"2", b"3", b"4"} <= set(asyncio.run(leave()))
