"""Everything that a plugin author imports.

A plugin is a module with one or more functions marked `@hookimpl`, named in the entry-point group `logsentry`::

    from logsentry.sdk import hookimpl

    @hookimpl
    def register_sources(register):
        register("dns-tap", "logsentry_dnstap.source:DnsTap")

What it registers inherits nothing: a class that has the methods of one of the protocols below is enough, and
`logsentry.testing` holds the tests that prove it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import msgspec

from logsentry.errors import BadRecord, InputError, LogsentryError, TrainingError, Unavailable, UsageError
from logsentry.hookspecs import Register, hookimpl
from logsentry.schema.books import Books, Run
from logsentry.schema.event import Event, Filtered, Value, event_id, readable, timestamp
from logsentry.schema.profile import CountRule, Field, Profile, SessionRule, TimeRule, Windowing
from logsentry.schema.record import Address, Cursor, Record
from logsentry.schema.score import Delivered, Outcome, Reason, Rejected, Retry, Score, Scored
from logsentry.schema.secret import Secret
from logsentry.schema.server_url import server_url
from logsentry.schema.stored import Columns, StoredEvent, StoredScore
from logsentry.schema.window import Window

__all__ = [
    "Address", "Asks", "BadRecord", "Books", "Checked", "Columns", "CountRule", "Cursor", "Delivered", "Detector", "Event", "event_id",
    "Exporter", "Field", "Filtered", "Frameable", "Framed", "Framing", "Graph", "hookimpl", "Input", "InputError", "Joined",
    "Joiner", "Joining", "LogsentryError", "MayRepeat", "Measured", "Outcome", "Part", "Profile", "Progress", "readable",
    "Reason", "Record", "Register", "Rejected", "Retry", "Run", "Scheduled", "Score", "Scored", "ScoreReader", "Secret",
    "server_url", "SessionRule", "Source", "StoredEvent", "StoredScore", "TimeRule", "timestamp", "TrainingError", "Unavailable",
    "UsageError", "Value", "Window", "Windowing",
]  # fmt: skip

Framing = Literal["lines", "document", "json", "xml", "evtx"]
"""How an input cuts a file into records.

`lines`: at each newline. `document`: not at all. `json`: at each top-level JSON value, however it is laid out; a top-level array is
cut into its elements. `xml`: at each `<Event>` element. `evtx`: at each 64 KiB chunk of a Windows event log, with the file's
header before it, since every chunk can be read by itself.
"""

Progress = Callable[[int, int, str], None]
"""`progress(done, total, note)`: called now and then by long work; the command line draws a bar from it."""


@runtime_checkable
class Checked(Protocol):
    """A `Config` whose options can be wrong in ways that types do not say: an address that holds a password, two that exclude each other.

    It is asked when a configuration is read, so that `logsentry config check` finds what a run would refuse.
    """

    def check(self) -> None:
        """Raises `UsageError`; opens nothing, and asks nobody."""
        ...


@runtime_checkable
class Input(Protocol):
    """A place that bytes come from."""

    Config: ClassVar[type[msgspec.Struct]]

    def __init__(self, config: Any) -> None: ...

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        """Records in order, beginning after the cursor; None means "nothing just now", so that windows can be closed.

        Raises `InputError` where the input itself is bad: missing, unreadable, cut off in the middle of an archive.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class Measured(Protocol):
    """An input that knows how far it is, for the progress bar."""

    def position(self) -> tuple[int, int]:
        """(bytes read, bytes in all); a total of 0 is "not known"."""
        ...


@runtime_checkable
class Frameable(Protocol):
    """An input that lets a source choose how each of its files is cut into records."""

    def framed_by(self, choose: Callable[[bytes], Framing]) -> None: ...


@runtime_checkable
class Scheduled(Protocol):
    """An input that grows while nobody reads, and that a job reads again and again (`logsentry enrich`)."""

    def between(self, since_ms: int | None, until_ms: int | None) -> None:
        """Read only records whose time is in [since, until), in milliseconds since 1970; None is "no bound"."""
        ...

    def watermark(self) -> int | None:
        """Up to which time, in milliseconds since 1970, everything has been read; None where nothing can be said (yet)."""
        ...


@runtime_checkable
class Source(Protocol):
    """One kind of log: everything that knows its format."""

    name: ClassVar[str]
    framing: ClassVar[Framing]
    profile: ClassVar[Profile]
    own_prefixes: ClassVar[tuple[str, ...]]
    Config: ClassVar[type[msgspec.Struct]]

    def __init__(self, config: Any) -> None: ...

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        """The events of one record, or why it holds none.

        Never raises anything but `BadRecord`, on any bytes: its text becomes the reason in the dead letters.
        """
        ...


@runtime_checkable
class Framed(Protocol):
    """A source whose files come in several layouts: it chooses by the first bytes of each file (up to 4,096, unpacked)."""

    def framing_of(self, head: bytes) -> Framing: ...


class Joined(msgspec.Struct, frozen=True):
    """Records that together made events, or together were left out or could not be read; each record ends in exactly one of these."""

    records: tuple[Record, ...]
    events: tuple[Event, ...] = ()
    filtered: str = ""
    bad: str = ""


class Joiner(Protocol):
    """Puts the records of one event together. What it holds back is not lost: its records stay open in the books."""

    def feed(self, record: Record) -> Iterator[Joined]:
        """Take a record; answers what has become complete, which may be none, or several. Never raises."""
        ...

    def flush(self) -> Iterator[Joined]:
        """The input has ended: answer everything that is held."""
        ...


@runtime_checkable
class Joining(Protocol):
    """A source whose events span several records (Linux auditd). `decode` then reads a record as if it stood alone."""

    def joiner(self) -> Joiner: ...


@runtime_checkable
class Exporter(Protocol):
    """A place that scores go to. It neither sleeps nor tries again: it says what became of each item."""

    Config: ClassVar[type[msgspec.Struct]]

    def __init__(self, config: Any) -> None: ...

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        """One outcome for each item, in the same order."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class MayRepeat(Protocol):
    """An exporter that can look what is stored already where its store alone does not tell."""

    def expect_repeats(self, on: bool) -> None:
        """Called with True before the first batch of a pass that goes on after an earlier one: scores may come a second time."""
        ...


class ScoreReader(Protocol):
    """Reads back what an exporter stored. An exporter class offers it as `Reader`, made of its address: `DuckDb.Reader(path)`."""

    def runs(self) -> Sequence[Run]: ...

    def scores(self, order: Literal["value", "time"], limit: int, run: str | None = None) -> Sequence[StoredScore]: ...

    def columns(self, run: str | None = None) -> Columns: ...

    def events_of(self, score: str) -> Sequence[StoredEvent]: ...

    def close(self) -> None: ...


class Graph(msgspec.Struct, frozen=True):
    """One ONNX file that a detector wrote: its name in the folder, for which hardware layout and precision."""

    file: str
    layout: Literal["branches", "member_axis"] = "branches"
    precision: Literal["fp32", "fp16", "int8"] = "fp32"


Asks = Literal["masked-keys", "next-key", "counts", "known", "tokens"]
"""How a part is asked about windows of one length, and so which judge of `logsentry.scoring` asks it.

`masked-keys`: a graph (ids [batch, length], stride, groups) -> ranks [members, batch, length], distance [members, batch],
expected [batch, length, 3]. `next-key`: a graph (context [rows, history], truth [rows]) -> rank [rows], expected [rows, 3].
`counts`: a graph (counts [batch, keys]) -> strangeness [batch]. `known`: no graph, but a file of what was seen in training
(`logsentry.text.known`).
"""


class Part(msgspec.Struct, frozen=True):
    """A piece of a detector that is asked, calibrated and voted on by itself; most detectors are one part, a hybrid is two.

    `groups` are the sizes of its vote groups, in the order of the members; `probe` is the file of windows and answers that
    its graphs must repeat, `file` what a part without a graph knows, `settings` what its judge is to be told.
    """

    name: str
    asks: Asks
    graphs: tuple[Graph, ...] = ()
    groups: tuple[int, ...] = (1,)
    probe: str = ""
    file: str = ""
    settings: dict[str, int] = {}

    @property
    def members(self) -> int:
        return sum(self.groups)


@runtime_checkable
class Detector(Protocol):
    """Something that can be fitted on windows of key ids and leaves parts behind. It lives only while training."""

    Config: ClassVar[type[msgspec.Struct]]

    def __init__(self, config: Any) -> None: ...

    @property
    def max_length(self) -> int:
        """The longest window it reads, begin and end key counted."""
        ...

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Fit on windows of key ids (each with its begin and end key) out of `keys` ids; answers figures such as losses.

        Raises `TrainingError` where the windows are too few or too much alike to learn from.
        """
        ...

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """Write the files of its parts into the folder: graphs with a probe (some of the windows `probe` and what the model
        answers to them), or what it knows. File names begin with the part's name where several parts could clash."""
        ...
