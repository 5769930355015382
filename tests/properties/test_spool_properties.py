"""A spool against a list: whatever is appended, settled, torn off by a crash and opened again, in any order."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from logsentry.server.spool.folder import Spool, SpoolFull
from logsentry.server.spool.records import Arrived, Place
from logsentry.server.spool.segments import framed, segments

MOST = 12_000


class SpoolAgainstAList(RuleBasedStateMachine):
    """`kept` are the records that were acknowledged and not settled, oldest first."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="spool-"))
        self.spool = Spool(self.folder, MOST, segment_bytes=600)
        self.kept: list[bytes] = []
        self.place: Place | None = None

    @rule(contents=st.lists(st.binary(max_size=200), min_size=1, max_size=5))
    def append(self, contents: Sequence[bytes]) -> None:
        try:
            asyncio.run(self.spool.append([Arrived(content, "", "", 0) for content in contents]))
        except SpoolFull:
            assert self.spool.size > MOST - 5 * 300
            return
        self.kept += contents

    @rule(share=st.floats(0, 1))
    def settle(self, share: float) -> None:
        there = list(self.spool.read(self.place))
        count = round(share * len(there))
        if count:
            self.place = there[count - 1].behind
            self.kept = self.kept[count:]
            self.spool.settle(self.place)

    @rule(torn=st.integers(0, 60), content=st.binary(min_size=20, max_size=40))
    def crash(self, torn: int, content: bytes) -> None:
        """A process that ends in the middle of a write leaves the first bytes of a record."""
        self.spool.abandon()
        last = segments(self.folder)[-1]
        end = last.path.stat().st_size
        half = framed([content], last.key, end)
        with last.path.open("ab") as file:
            file.write(half[: min(torn, len(half) - 1)])
        self.spool = Spool(self.folder, MOST, segment_bytes=600)
        assert self.spool.damage.lost == 0

    @invariant()
    def what_is_read_is_what_was_kept(self) -> None:
        assert [each.arrived.data for each in self.spool.read(self.place)] == self.kept
        assert self.spool.size == sum(each.path.stat().st_size for each in segments(self.folder))
        assert self.spool.damage.lost == 0

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.abandon()
            shutil.rmtree(self.folder)


SpoolAgainstAList.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestSpoolAgainstAList = SpoolAgainstAList.TestCase
