"""What passes counted: together over all of them, and apart for the run of each bundle; both balance."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from logsentry.pipeline.handing import Tally
from logsentry.schema.books import Books
from logsentry.server.forward.standing import Account


class Work:
    def __init__(self, scored: int, open_: int) -> None:
        self.books, self.tally = Books(read=scored + open_, scored=scored, open=open_), Tally(scored, 1)


STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans()), max_size=8)
"""Passes: records scored, records left open, whether another bundle came in mid-pass, and whether one came behind it."""


@given(STEPS)
def test_runs_add_up_to_what_all_passes_did(steps: list[Any]) -> None:
    account, runs, scored = Account(), [], 0
    for done, open_, within, behind in steps:
        work = Work(0, done + open_)
        account.begin(work)
        if within:
            runs.append(account.run())
            account.turn()
        work.books, work.tally = Work(done, open_).books, Work(done, open_).tally
        scored += done
        assert account.run().balanced
        assert account.counts().books == Books(read=scored + open_, scored=scored, open=open_)
        account.end()
        if behind:
            runs.append(account.run())
            account.turn()
    runs.append(account.run())
    assert all(run.balanced for run in runs)
    assert sum(run.scored for run in runs) == account.counts().books.scored == account.counts().windows == scored
    assert account.counts().alerts == len(steps)
    assert account.run().open == 0
