"""What every input keeps to. A plugin's author inherits the tests::

    class TestTape(InputContract):
        def make(self, folder):
            (folder / "tape").write_bytes(b"first\\nsecond\\n")
            return Tape(TapeConfig(path=str(folder / "tape")))

`make` is called several times with one folder and gives a new input over the same bytes each time, at least three records.
"""

from __future__ import annotations

import json
from pathlib import Path

from logsentry.sdk import Cursor, Input, Record, event_id


class InputContract:
    """Inherit, write `make`, and run pytest."""

    def make(self, folder: Path) -> Input:
        raise NotImplementedError("an input contract needs `make(self, folder)`")

    def records(self, folder: Path, after: Cursor | None = None) -> list[Record]:
        """All records of a new input; an idle None is left out."""
        input_ = self.make(folder)
        try:
            return [record for record in input_.read(after) if record is not None]
        finally:
            input_.close()

    def test_is_an_input(self, tmp_path: Path) -> None:
        input_ = self.make(tmp_path)
        assert isinstance(input_, Input)
        input_.close()

    def test_gives_the_same_records_each_time(self, tmp_path: Path) -> None:
        first = self.records(tmp_path)
        assert len(first) >= 3, "the contract needs at least three records to say anything"
        assert self.records(tmp_path) == first

    def test_records_are_told_apart_by_their_place(self, tmp_path: Path) -> None:
        ids = [event_id(record) for record in self.records(tmp_path)]
        assert len(set(ids)) == len(ids), "two records have the same origin, offset and bytes"

    def test_resuming_after_any_record_gives_exactly_the_rest(self, tmp_path: Path) -> None:
        whole = self.records(tmp_path)
        for index, record in enumerate(whole):
            assert self.records(tmp_path, record.cursor) == whole[index + 1 :], (
                f"after record {index} something was lost or repeated"
            )

    def test_a_cursor_survives_json(self, tmp_path: Path) -> None:
        for record in self.records(tmp_path):
            assert json.loads(json.dumps(record.cursor)) == record.cursor

    def test_a_cursor_is_not_changed_by_reading_on(self, tmp_path: Path) -> None:
        input_ = self.make(tmp_path)
        seen = [(record, json.dumps(record.cursor)) for record in input_.read() if record is not None]
        assert all(json.dumps(record.cursor) == before for record, before in seen)
        input_.close()

    def test_closing_in_the_middle_and_twice_is_fine(self, tmp_path: Path) -> None:
        input_ = self.make(tmp_path)
        assert next(record for record in input_.read() if record is not None)
        input_.close()
        input_.close()
