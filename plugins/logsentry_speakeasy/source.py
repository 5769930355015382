"""The source `speakeasy`: reports of the Speakeasy emulator, one event for each.

    source = Speakeasy(Speakeasy.Config())
    [event] = source.decode(record)
    source.text.tokens(event.original)      # the text that an encoder reads

`reading.py` reads every schema into the shape of `report.py`; `fields.py` makes ECS of it; `text.py` makes the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

import msgspec

from logsentry.sdk import BadRecord, Event, Filtered, Framing, Profile, Record, event_id
from logsentry_speakeasy.fields import called, ended_by, report_fields
from logsentry_speakeasy.profile import PROFILE, TEXT, TextFilter
from logsentry_speakeasy.reading import read
from logsentry_speakeasy.report import Report
from logsentry_speakeasy.text import ReportText

_SECOND = 1_000_000_000
_YEAR_9999 = 253_402_300_799
# The first key of the first member: entry points begin with these (`ep_type` since 2020), reports and rows with others.
_BARE_LIST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\[\s*(?:$|\]|\{\s*(?:$|"(?:ep_type|start_addr|ep_args|apihash|apis|events)"))')
_STALLED = "MSVBVM60.ordinal_100"


class SpeakeasyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`max_report_bytes`: a longer report is dead-lettered unread. `skip_stalled`: leave out reports whose only call is
    MSVBVM60.ordinal_100, at which the emulator stops for every Visual Basic program, good or bad; the paper left them out.
    `text`: which parts of a report an encoder reads."""

    max_report_bytes: int = 64 << 20
    skip_stalled: bool = False
    text: TextFilter = TEXT


class Speakeasy:
    """Decodes one report into one event, a window of its own."""

    name: ClassVar[str] = "speakeasy"
    framing: ClassVar[Framing] = "json"
    profile: ClassVar[Profile] = PROFILE
    own_prefixes: ClassVar[tuple[str, ...]] = ("speakeasy.",)
    Config: ClassVar[type[msgspec.Struct]] = SpeakeasyConfig

    def __init__(self, config: SpeakeasyConfig) -> None:
        self._max_report_bytes = config.max_report_bytes
        self._skip_stalled = config.skip_stalled
        self.text = ReportText(config.text)

    def framing_of(self, head: bytes) -> Framing:
        """`document` for a bare list of entry points, which is one report; `json` for reports, alone, one after another or in a list."""
        return "document" if _BARE_LIST.match(head) else "json"

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        """One event, or `Filtered` where nothing was emulated; raises `BadRecord` for what is no report of a known version."""
        data = record.data
        if len(data) > self._max_report_bytes:
            raise BadRecord(f"the report has {len(data):,} bytes, more than the {self._max_report_bytes:,} that are read")
        if not data or data.isspace():
            return Filtered("blank record")
        report = read(data)
        if not report.runs:
            why = ended_by(report)
            return Filtered(f"no entry point was emulated{f': {why}' if why else ''}")
        calls = report.steps("apis")
        if self._skip_stalled and len(calls) == 1 and calls[0].api_name == _STALLED:
            return Filtered(f"the only call is {_STALLED}, at which the emulator stops")
        return (Event(event_id(record), _time(report), self.name, report_fields(report), _message(report, len(calls)), data),)


def _time(report: Report) -> int | None:
    """When emulation began; bare lists of entry points do not say."""
    seconds = report.timestamp
    return int(seconds * _SECOND) if seconds is not None and 0 < seconds < _YEAR_9999 else None


def _message(report: Report, calls: int) -> str:
    ended = ended_by(report)
    runs = len(report.runs)
    return (
        f"{called(report)} made {calls:,} call{'s' * (calls != 1)} in {runs:,} entry point{'s' * (runs != 1)}"
        f"{f' and was ended by {ended}' if ended else ''}"
    )
