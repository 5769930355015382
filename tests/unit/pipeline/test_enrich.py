"""Passes of a scheduled job over a store that grows: every record ends once, whatever comes late and wherever a pass is cut off."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.config.tree import BundleRef, Part, Pipeline, SourcePart
from logsentry.errors import InputError, Unavailable, UsageError
from logsentry.pipeline import enrich, scoring
from logsentry.pipeline.breaker import unnoticed
from logsentry.pipeline.build import make_source
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.enrich import Enriched, enrich_input, scheduled
from logsentry.pipeline.finding import find_bundle
from logsentry.pipeline.opening import Opened
from logsentry.pipeline.span import Span, moment, span
from logsentry.pipeline.stopping import Stop
from logsentry.schema.record import Address, Cursor, Record
from logsentry.schema.score import Delivered, Outcome, Scored
from logsentry.scoring.scorer import Options, Scorer

BEGIN = 1_767_225_600_000  # 2026-01-01T00:00:00Z
GAP = 1_800_000
"""Milliseconds after which a session of the demo's bundle is over."""

OVERLAP = 600_000
THE_JOB = Span()


class Document(msgspec.Struct, frozen=True):
    """A request of `host` at `time`, in milliseconds since `BEGIN`."""

    name: str
    time: int
    host: int = 1
    lacks: str = ""

    def record(self, cursor: Cursor) -> Record:
        seconds = self.time // 1000
        clock = f"{1 + seconds // 86400:02}/Jan/2026:{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02} +0000"
        line = f'192.0.2.{self.host} - - [{clock}] "GET /{self.name} HTTP/1.1" 200 12 "-" "curl/8"'.encode()
        address = Address("web", self.name, time=BEGIN + self.time)
        return Record(b"" if self.lacks else line, "web", f"web/{self.name}", 0, cursor, address, self.lacks)


class Store:
    """Documents in order of time, like an index: read up to `now`, from `OVERLAP` before the cursor on."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, documents: Sequence[Document], now: int, broken: str = "") -> None:
        self._documents, self._now, self._broken = sorted(documents, key=lambda d: d.time), now, broken
        self._complete: int | None = None
        self.bounds: tuple[int | None, int | None] = (None, None)

    def between(self, since_ms: int | None, until_ms: int | None) -> None:
        self.bounds = since_ms, until_ms

    def watermark(self) -> int | None:
        return self._complete

    def rereads_from(self, after: Cursor) -> int:
        return int(after["time"]) - OVERLAP

    def remarks(self) -> list[str]:
        return ["two documents have no time"]

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        since = self.bounds[0] if after is None else max(self.rereads_from(after), self.bounds[0] or 0)
        until = min(BEGIN + self._now, self.bounds[1] or BEGIN + self._now)
        for document in self._documents:
            at = BEGIN + document.time
            if at >= until or (since is not None and at < since):
                continue
            last = at if after is None else max(at, int(after["time"]))
            yield document.record({"time": last})
        if self._broken:
            raise InputError(self._broken)
        self._complete = until

    def close(self) -> None:
        """Nothing is open."""


class Taken:
    """An exporter that keeps what it took, by id, and is away from its `limit`-th batch on."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self) -> None:
        self.items: dict[str, Scored] = {}
        self.limit = -1

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        self.limit -= 1
        fresh = [item.id not in self.items for item in batch]
        self.items.update((item.id, item) for item in batch)
        if self.limit == 0:
            raise Unavailable("the process ended after the store had taken the batch")
        return [Delivered(duplicate=not new) for new in fresh]

    def close(self) -> None:
        """Nothing is open."""

    @property
    def names(self) -> Counter[str]:
        """How often each document is in a window."""
        return Counter(address.id for item in self.items.values() for address in item.addresses)

    @property
    def windows(self) -> set[tuple[str, ...]]:
        return {tuple(address.id for address in item.addresses) for item in self.items.values()}


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(find_bundle("demo", Path("nowhere")), Options())


class Job:
    """One job in a folder; each `run` is a pass of it."""

    def __init__(self, folder: Path, scorer: Scorer) -> None:
        self.folder, self.taken = folder, Taken()
        pipeline = Pipeline(
            inputs=(Part("store", None),),
            source=SourcePart("http-access", None),
            bundle=BundleRef("nowhere", "demo"),
            exporters=(Part("taken", None),),
            state=str(folder / "state"),
            dead_letters=str(folder / "dead.ndjson"),
        )
        self.found = Opened(pipeline, make_source("http-access"), scorer, (self.taken,), "digest")

    def run(self, documents: Sequence[Document], now: int, over: Span = THE_JOB, **options: Any) -> Enriched:
        store = Store(documents, now, **options)
        return enrich_input(self.found, 0, store, over, lambda done, total, note: None, unnoticed, Stop())

    @property
    def dead(self) -> list[dict[str, Any]]:
        path = self.folder / "dead.ndjson"
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.fixture
def job(tmp_path: Path, scorer: Scorer) -> Job:
    return Job(tmp_path, scorer)


def visits(*times: int, host: int = 1) -> list[Document]:
    """Documents of one host at these seconds."""
    return [Document(f"h{host}t{time}", time * 1000, host) for time in times]


def test_a_session_that_may_go_on_is_left_to_the_next_pass(job: Job) -> None:
    first = visits(0, 60) + visits(3000, 3060, host=2)
    done = job.run(first, now=3_600_000)
    assert job.taken.windows == {("h1t0", "h1t60")}
    assert done.done.run.books.sentence() == "read 4 = scored 2 + filtered 0 + dead-lettered 0 + open 2"
    assert done.watermark == BEGIN + 3_600_000
    done = job.run([*first, *visits(4000, host=2)], now=7_200_000)
    assert job.taken.windows == {("h1t0", "h1t60"), ("h2t3000", "h2t3060", "h2t4000")}
    assert done.done.run.books.open == 0


def test_a_pass_over_nothing_new_scores_nothing(job: Job) -> None:
    documents = visits(0, 60) + visits(100, host=2)
    job.run(documents, now=7_200_000)
    stored = dict(job.taken.items)
    done = job.run(documents, now=9_000_000)
    books = done.done.run.books
    assert (books.scored, books.open, books.balanced) == (0, 0, True)
    assert books.duplicate == books.read > 0
    assert job.taken.items == stored


def test_a_late_document_joins_a_session_that_is_open_and_is_one_of_its_own_else(job: Job) -> None:
    first = visits(0, host=1) + visits(1000, 1200, host=2) + visits(1000, 1100, 2000, host=3)
    job.run(first, now=3_100_000)
    assert job.taken.windows == {("h1t0",), ("h2t1000", "h2t1200")}
    late = visits(1150, host=2) + visits(1500, host=3)
    job.run([*first, *late], now=9_000_000)
    assert job.taken.windows == {("h1t0",), ("h2t1000", "h2t1200"), ("h2t1150",), ("h3t1000", "h3t1100", "h3t1500", "h3t2000")}


def test_two_passes_at_once_are_refused(job: Job) -> None:
    with (
        Checkpoint(job.folder / "state" / "0-store", "http-access store 0"),
        pytest.raises(Unavailable, match=r"another run \(process \d+\) uses the state folder"),
    ):
        job.run(visits(0), now=1)
    assert job.taken.items == {}


def test_a_document_without_its_field_is_dead_lettered_once(job: Job) -> None:
    documents = [*visits(0, 60), Document("bare", 30_000, lacks="message")]
    done = job.run(documents, now=9_000_000)
    assert done.done.run.books.sentence() == "read 3 = scored 2 + filtered 0 + dead-lettered 1"
    assert job.run(documents, now=9_100_000).done.run.books.dead_lettered == 0
    (letter,) = job.dead
    assert (letter["index"], letter["document"]) == ("web", "bare")
    assert letter["reason"] == "the document web/bare has no field message"


def test_an_input_that_breaks_off_closes_no_session(job: Job) -> None:
    documents = visits(0, 60)
    done = job.run(documents, now=9_000_000, broken="the index went away")
    assert done.done.failure is not None
    assert (done.done.run.books.open, done.watermark, done.lag) == (2, None, None)
    assert "there is no watermark" in done.sentences()[-1]
    job.run([*documents, *visits(90)], now=9_000_000)
    assert job.taken.windows == {("h1t0", "h1t60", "h1t90")}
    with pytest.raises(InputError, match="went away"):
        job.run([], now=1, broken="went away")


def test_a_backfill_is_silent_and_keeps_its_own_place(job: Job) -> None:
    documents = visits(0, 60, 86_000, 86_400)
    over = span("2026-01-01", "2026-01-02")
    done = job.run(documents, now=90_000_000, over=over)
    assert job.taken.windows == {("h1t0", "h1t60"), ("h1t86000",)}, "its last session is closed at its end"
    assert all(item.silent for item in job.taken.items.values())
    assert done.lag is None
    assert "nobody is alerted" in " ".join(done.sentences())
    assert [path.name for path in (job.folder / "state").iterdir()] == [
        "0-store-backfill-2026-01-01T000000.000Z-2026-01-02T000000.000Z"
    ]
    again = job.run(documents, now=90_000_000, over=over).done.run.books
    assert again.scored == again.open == 0
    job.run(documents, now=90_000_000)
    assert ("h1t86000", "h1t86400") in job.taken.windows
    assert not all(item.silent for item in job.taken.items.values())


def test_a_backfill_up_to_now_leaves_what_goes_on_to_the_job(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrich, "_now", lambda: BEGIN + 3_600_000)
    done = job.run(visits(0, 3500), now=3_600_000, over=Span(until=BEGIN + 3_590_000))
    assert job.taken.windows == {("h1t0",)}
    assert done.done.run.books.open == 1


def test_what_a_program_is_told(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrich, "_now", lambda: BEGIN + 9_012_500)
    line = job.run(visits(0, 60), now=9_000_000).line()
    assert {name: line[name] for name in ("input", "read", "scored", "balanced", "watermark", "lag_seconds")} == {
        "input": "store 0", "read": 2, "scored": 2, "balanced": True, "watermark": "2026-01-01T02:30:00.000Z", "lag_seconds": 12.5,
    }  # fmt: skip
    assert "complete up to 2026-01-01T02:30:00.000Z, 12 s ago" in job.run([], now=9_000_000).sentences()


def test_what_the_input_remarks_is_told(job: Job) -> None:
    assert job.run(visits(0), now=1).remarks == ("two documents have no time",)


def test_other_inputs_are_refused() -> None:
    class Once:
        """No `between`."""

    with pytest.raises(UsageError, match=r"inputs\[2\] is tape, which a job does not come back to; use `logsentry run`"):
        scheduled(Once(), 2, "tape")  # type: ignore[arg-type]


def test_times_in_words() -> None:
    assert moment("2026-01-01") == moment("2026-01-01T00:00:00Z") == moment("2026-01-01T02:00:00+02:00") == BEGIN
    for wrong in ("yesterday", "", "2026-13-01", "1767225600"):
        with pytest.raises(UsageError, match="is no time; write for instance"):
            moment(wrong)
    with pytest.raises(UsageError, match="nothing lies from"):
        span("2026-01-02", "2026-01-01")
    assert span(None, None) == Span()
    assert not Span().backfill
    assert Span().folder == ""
    assert Span(since=BEGIN).folder == "-backfill-2026-01-01T000000.000Z-now"


arrivals = st.lists(
    st.tuples(st.integers(0, 7_000), st.integers(0, 500), st.integers(1, 3)),
    min_size=1,
    max_size=25,
    unique_by=lambda a: (a[0], a[2]),
)
"""(second, how many seconds late, host)"""


@settings(max_examples=30)
@given(arrivals, st.lists(st.integers(500, 3000), min_size=1, max_size=6), st.lists(st.integers(-1, 4), max_size=6))
def test_every_document_ends_in_one_window_whatever_is_late_or_cut_off(
    tmp_path_factory: pytest.TempPathFactory,
    scorer: Scorer,
    arrived: list[tuple[int, int, int]],
    pauses: list[int],
    cuts: list[int],
) -> None:
    """Passes come `pauses` seconds apart; some die after the store has taken their n-th batch and before their books are kept. A
    document may come late into a session which such a pass had stored and not yet kept (decision 015)."""
    job = Job(tmp_path_factory.mktemp("job"), scorer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "BATCH", 2)
        patch.setattr(os, "fsync", lambda descriptor: None)  # the machine goes on; what is on disk is another test's
        now, passes = 0, 0
        while now < 12_000 or passes < len(cuts):
            now += pauses[passes % len(pauses)]
            job.taken.limit = cuts[passes] if passes < len(cuts) else -1
            passes += 1
            there = [document for second, late, host in arrived if second + late <= now for document in visits(second, host=host)]
            with suppress(Unavailable):
                assert job.run(there, now * 1000).done.run.books.balanced
    assert job.taken.names == Counter(f"h{host}t{second}" for second, _, host in arrived)
