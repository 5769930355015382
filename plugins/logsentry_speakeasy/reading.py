"""Reads a report of the Speakeasy emulator, whichever of its schemas it was written in.

Schema 1.1.0 (Speakeasy 1.5 and 1.6) keeps a list for each kind of behaviour in every entry point; sandboxes that store many
reports keep only the list of entry points. Schemas 3.0.0 and 5.0.0 (2.0) have one list of events in order of time, which is
sorted here into the lists of 1.1.0. A version that is not known is refused, because its behaviour would be looked for in the
wrong place and found missing. What the fields mean for a SIEM is left to `fields.py`.
"""

from __future__ import annotations

import json

import msgspec

from logsentry.sdk import BadRecord
from logsentry_speakeasy.report import Network, Report, Run

_LISTS = ("1.1.0",)
_EVENTS = ("3.0.0", "5.0.0")

_decoder: msgspec.json.Decoder[Report | list[Run]] = msgspec.json.Decoder(Report | list[Run])


def read(data: bytes) -> Report:
    """The report in `data`, a whole one or a bare list of entry points.

    Raises `BadRecord` where the bytes are no JSON, no report, or a report of a version that is not known.
    """
    decoded = _decoded(data)
    if isinstance(decoded, list):
        return _bare(decoded)
    if decoded.entry_points is None and not decoded.report_version:
        raise BadRecord("this is no Speakeasy report: it has neither report_version nor entry_points")
    version = decoded.report_version
    if version in _EVENTS:
        _sort_events(decoded)
    elif version not in _LISTS:
        known = ", ".join((*_LISTS, *_EVENTS))
        raise BadRecord(f"the report's version is {version[:40]!r}, and only {known} are known; what it says would be misread")
    elif any(run.apis is None for run in decoded.runs):
        raise BadRecord(f"an entry point has no list of API calls, which every report of version {version} has")
    return decoded


def _decoded(data: bytes) -> Report | list[Run]:
    try:
        try:
            return _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if isinstance(error, msgspec.ValidationError):
                raise
            return _decoder.decode(_repaired(data))
    except msgspec.ValidationError as error:
        raise BadRecord(f"this is no Speakeasy report: {error}") from None
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"the report is not valid JSON: {error}") from None


def _repaired(data: bytes) -> bytes:
    r"""Python's `json` writes halves of surrogate pairs (`\ud800`), which samples put into their strings: they become `?`, and bytes
    that are not UTF-8 become U+FFFD, so that one string does not cost the report."""
    value = json.loads(data.decode("utf-8-sig", "replace"), strict=False)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _bare(runs: list[Run]) -> Report:
    """A list of entry points says no version; that each has `apis` and none has `events` tells it from the later schemas."""
    if not runs:
        raise BadRecord("the list of entry points is empty, so nothing says that it is a Speakeasy report")
    if any(run.events is not None for run in runs):
        raise BadRecord("a list of entry points with 'events' does not say its version: give the whole report")
    if any(run.apis is None for run in runs):
        raise BadRecord("this list is no list of Speakeasy entry points: a member has no 'apis'")
    return Report(report_version="1.1.0", entry_points=runs)


def _sort_events(report: Report) -> None:
    """Sorts the events of each run into the lists of schema 1.1.0, under the names that these lists use."""
    for run in report.runs:
        if run.apis is not None:
            raise BadRecord(f"an entry point has 'apis', which no report of version {report.report_version} has")
        run.apis, run.file_access, run.registry_access, run.process_events = [], [], [], []
        run.network_events = network = Network(dns=[], traffic=[])
        lists = {
            "api": run.apis,
            "file": run.file_access,
            "reg": run.registry_access,
            "process": run.process_events,
            "net": network.traffic,
        }
        for step in run.events or ():
            family, _, rest = step.event.partition("_")
            if step.event == "net_dns":
                network.dns.append(step)
            elif (kept := lists.get(family)) is not None:
                step.event = rest
                kept.append(step)
            elif family in ("thread", "mem"):
                run.process_events.append(step)
        run.events = None
