"""Whole documents of real logs, kept in files beside them, so that a change of one field is seen in review.

    class TestGolden(GoldenContract):
        make = HttpAccess
        folder = Path(__file__).parents[1] / "golden" / "http-access"

`LOG.json` beside each log holds what became of its records, in order. Where a source changed on purpose, `rewrite` writes the files
anew (`python tests/plugins/test_http_access_golden.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from logsentry.sdk import BadRecord, Event, Filtered, Joining, Record, Source
from logsentry.stages.filters import DomainFilter


class GoldenContract:
    """`originals` False leaves `event.original` out of the files, where it is the whole input over again."""

    make: ClassVar[type[Any]]
    folder: ClassVar[Path]
    suffixes: ClassVar[tuple[str, ...]] = (".log",)
    originals: ClassVar[bool] = True

    @classmethod
    def logs(cls) -> list[Path]:
        return sorted(path for path in cls.folder.iterdir() if path.name.endswith(cls.suffixes))

    @classmethod
    def pieces(cls, log: Path) -> Sequence[bytes]:
        """The records of a log: its lines, unless a source's test says otherwise."""
        return log.read_bytes().split(b"\n")

    @classmethod
    def answers(cls, log: Path) -> list[dict[str, Any]]:
        """A document with the line that a detector sees for each event, or why there is none."""
        source: Source = cls.make(cls.make.Config())
        line, found = DomainFilter(source.profile).line, []
        for answer in _answers(source, list(_records(log, cls.pieces(log)))):
            if isinstance(answer, dict):
                found.append(answer)
                continue
            document = answer.document()
            if not cls.originals:
                document["event"].pop("original")
            found.append({"document": document, "line": line(answer)})
        return found

    @classmethod
    def rewrite(cls) -> None:
        for log in cls.logs():
            text = json.dumps(cls.answers(log), indent=1, sort_keys=True, ensure_ascii=False)
            kept(log).write_text(text + "\n", encoding="utf-8")

    def test_documents_stay_as_they_were(self, log: Path) -> None:
        assert self.answers(log) == json.loads(kept(log).read_text(encoding="utf-8"))

    def test_there_are_golden_files(self) -> None:
        assert self.logs(), f"{self.folder} holds no log"

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "log" in metafunc.fixturenames:
            metafunc.parametrize("log", self.logs(), ids=lambda log: log.name.partition(".")[0])


def kept(log: Path) -> Path:
    return log.with_name(log.name.partition(".")[0] + ".json")


def _records(log: Path, pieces: Sequence[bytes]) -> Iterator[Record]:
    offset = 0
    for data in pieces:
        yield Record(data, input=log.name, origin=log.name, offset=offset, cursor={})
        offset += len(data) + 1


def _answers(source: Source, records: Sequence[Record]) -> Iterator[Event | dict[str, Any]]:
    if isinstance(source, Joining):
        joiner = source.joiner()
        joined = [answer for record in records for answer in joiner.feed(record)] + list(joiner.flush())
        for answer in joined:
            yield from answer.events
            if answer.bad or answer.filtered:
                yield {"bad_record": answer.bad} if answer.bad else {"filtered": answer.filtered}
        return
    for record in records:
        try:
            decoded = source.decode(record)
        except BadRecord as refused:
            yield from refused.events
            yield {"bad_record": str(refused)}
            continue
        if isinstance(decoded, Filtered):
            yield {"filtered": decoded.reason}
        else:
            yield from decoded
