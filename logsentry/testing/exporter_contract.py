"""What every exporter keeps to. A plugin's author inherits the tests::

    class TestPrinter(ExporterContract):
        idempotent = False

        def make(self, folder):
            return Printer(PrinterConfig(path=str(folder / "out")))

        def stored(self, folder):
            return [json.loads(line)["id"] for line in (folder / "out").read_text().splitlines()]

`make` opens the same place each time it is called with one folder; `stored` answers the ids that are in it, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from logsentry.sdk import Delivered, Event, Exporter, Reason, Rejected, Retry, Score, Scored, Window

AWKWARD = ("", "\0", '"\\\n\t', "é 漢字 🂡", "<script>", "'; DROP TABLE scores; --", "x" * 100_000, "a\u2028b", "\x1b[31m")


def scored(number: int, text: str = "GET /", events: int = 2, time: int | None = 1_700_000_000_000_000_000) -> Scored:
    """A score like those that the pipeline makes; each `number` has an id of its own."""
    window = Window(
        f"host-{number}",
        tuple(
            Event(
                id=f"{number:016x}{position:016x}",
                time=None if time is None else time + number * 1_000_000_000,
                source="sample",
                fields={"message": text, "http.response.status_code": 200, "tags": ["a", text], "event.duration": 1.5},
                message=text,
                original=text.encode() + b"\xff",
            )
            for position in range(events)
        ),
    )
    why = (
        Reason("a key that was not expected", window.events[0].id, 0, text, ("GET /index", text), 3),
        Reason("far from the centre"),
    )
    return Scored(window, Score("sample@0123456789ab", number / 7, 0.25, 0.5, why, "1 of 1"))


class ExporterContract:
    """Inherit, write `make` and `stored`, and run pytest."""

    idempotent: ClassVar[bool] = True
    """Whether an item that is there already is told as `Delivered(duplicate=True)` and not stored again."""

    def make(self, folder: Path) -> Exporter:
        raise NotImplementedError("an exporter contract needs `make(self, folder)`")

    def stored(self, folder: Path) -> Sequence[str]:
        raise NotImplementedError("an exporter contract needs `stored(self, folder)`")

    def export(self, folder: Path, *batches: Sequence[Scored]) -> list[Delivered | Retry | Rejected]:
        """The outcomes of some batches, in order, by one new exporter that is closed afterwards."""
        exporter = self.make(folder)
        try:
            outcomes = [outcome for batch in batches for outcome in self._checked(exporter, batch)]
        finally:
            exporter.close()
        return outcomes

    def _checked(self, exporter: Exporter, batch: Sequence[Scored]) -> Sequence[Delivered | Retry | Rejected]:
        outcomes = exporter.export(batch)
        assert len(outcomes) == len(batch), "one outcome for each item"
        assert all(isinstance(outcome, Delivered | Retry | Rejected) for outcome in outcomes)
        return outcomes

    def test_is_an_exporter(self, tmp_path: Path) -> None:
        exporter = self.make(tmp_path)
        assert isinstance(exporter, Exporter)
        exporter.close()

    def test_each_item_is_delivered_and_stored_once(self, tmp_path: Path) -> None:
        items = [scored(number) for number in range(7)]
        assert self.export(tmp_path, items[:3], [], items[3:]) == [Delivered()] * 7
        assert sorted(self.stored(tmp_path)) == sorted(item.id for item in items)

    def test_outcomes_are_in_the_order_of_the_batch(self, tmp_path: Path) -> None:
        old, new = scored(1), [scored(0), scored(2)]
        outcomes = self.export(tmp_path, [old], [new[0], old, new[1]])
        assert outcomes == [Delivered(), Delivered(), Delivered(duplicate=self.idempotent), Delivered()]

    def test_what_is_there_already_is_told_and_not_stored_again(self, tmp_path: Path) -> None:
        if not self.idempotent:
            return
        items = [scored(number) for number in range(5)]
        self.export(tmp_path, items)
        assert self.export(tmp_path, [*items, scored(9), scored(9)]) == [Delivered(True)] * 5 + [Delivered(), Delivered(True)]
        assert sorted(self.stored(tmp_path)) == sorted([*(item.id for item in items), scored(9).id])

    def test_awkward_text_is_stored_or_rejected_with_a_reason(self, tmp_path: Path) -> None:
        items = [scored(number, text) for number, text in enumerate(AWKWARD)]
        outcomes = self.export(tmp_path, items)
        refused = {
            item.id for item, outcome in zip(items, outcomes, strict=True) if isinstance(outcome, Rejected) and outcome.reason
        }
        assert refused | set(self.stored(tmp_path)) == {item.id for item in items}

    def test_one_bad_item_spoils_no_other(self, tmp_path: Path) -> None:
        bad = scored(1, "half a pair: ").window
        broken = Scored(Window("\ud800", bad.events), scored(1).score)
        outcomes = self.export(tmp_path, [scored(0), broken, scored(2)])
        assert outcomes[0] == outcomes[2] == Delivered()
        assert {scored(0).id, scored(2).id} <= set(self.stored(tmp_path))

    def test_a_window_without_a_time_is_stored(self, tmp_path: Path) -> None:
        assert self.export(tmp_path, [scored(0, time=None)]) == [Delivered()]

    def test_closing_twice_is_fine(self, tmp_path: Path) -> None:
        exporter = self.make(tmp_path)
        exporter.export([scored(0)])
        exporter.close()
        exporter.close()
