"""A write that fails leaves nothing behind, and writing goes on when there is room again."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from services.spools import arrived, lines, reread

from logsentry.errors import Unavailable
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.segments import segments


def test_a_full_disk_takes_nothing_tears_nothing_and_goes_on_with_room(tmp_path: Path) -> None:
    """A process that may write no file beyond 4,000 bytes: the system says EFBIG where a full disk says ENOSPC."""
    script = f"""
import asyncio, resource, signal, sys
from pathlib import Path
from logsentry.errors import Unavailable
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.records import Arrived
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def main():
    spool, kept = Spool(Path({str(tmp_path)!r})), 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
    refused = 0
    for number in range(50):
        try:
            await spool.append([Arrived(b"%03d" % number + b"x" * 300, "", "", 0)])
            kept += 1
        except Unavailable:
            refused += 1
    assert kept and refused, (kept, refused)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await spool.append([Arrived(b"room again", "", "", 0)])
    print(kept, spool.size, sum(1 for _ in spool.read()))
    await spool.close()
asyncio.run(main())
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kept, size, read = map(int, done.stdout.split())
    again, spool = reread(tmp_path)
    assert len(again) == read == kept + 1
    assert again[-1] == b"room again"
    assert (spool.damage.cut, spool.damage.lost) == (0, 0)
    assert size == segments(tmp_path)[0].path.stat().st_size


def test_after_a_failed_sync_nothing_more_goes_into_that_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really, broken = os.fdatasync, [False]

    def sync(descriptor: int) -> None:
        if broken[0]:
            broken[0] = False
            raise OSError(5, "Input/output error")
        really(descriptor)

    monkeypatch.setattr(os, "fdatasync", sync)

    async def use() -> None:
        spool = Spool(tmp_path)
        await spool.append([arrived(b"one")])
        broken[0] = True
        with pytest.raises(Unavailable, match="Input/output error"):
            await spool.append([arrived(b"lost")])
        await spool.append([arrived(b"two")])
        assert lines(list(spool.read())) == [b"one", b"two"]
        assert [each.number for each in segments(tmp_path)] == [1, 2]
        await spool.close()

    asyncio.run(use())
    assert reread(tmp_path)[0] == [b"one", b"two"]
