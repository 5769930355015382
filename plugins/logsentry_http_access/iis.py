"""IIS: the W3C extended format, whose columns a `#Fields` line names, and the older comma-separated one.

A `#Fields` line rules the lines behind it, also when it stands in mid-file; `#Date` gives the day where lines carry a time alone. Both
are remembered for each file, in order. A run that resumes in mid-file has seen neither, so each file's first bytes are looked at as well
(`begins`), which serves all but a file whose columns were changed on the way. Where no directive is known, `iis_fields` of
the configuration names the columns; else they are found by what stands in them (`iis_columns.py`), or the line is refused.

Times are UTC in W3C files (Microsoft, "W3C Logging") and local in the older format.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import tzinfo

import msgspec

from logsentry.sdk import BadRecord, Filtered, Record, Value
from logsentry_http_access.iis_columns import Row, guessed
from logsentry_http_access.moment import moment
from logsentry_http_access.visit import Visit, count, visit

_FILES = 1024  # files whose columns are remembered, the latest
_BEGINS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)? \S").match
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?").fullmatch
_STATUS = re.compile(r"[0-9]{1,3}|-").fullmatch
_NATIVE = re.compile(
    r"(?P<client>[^\s,]+), (?P<user>[^,]*), (?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{2}|[0-9]{4}), "
    r"(?P<time>[0-9]{1,2}:[0-9]{2}:[0-9]{2}), (?P<site>[^,]*), (?P<computer>[^,]*), (?P<server>[^,]*), (?P<took>[0-9]+), "
    r"(?P<received>[0-9]+), (?P<sent>[0-9]+), (?P<status>[0-9]+), (?P<win32>[0-9]+), (?P<method>[^,]*), (?P<stem>.*), (?P<query>[^,]*),?\s*"
).fullmatch
_WORDS = {
    "c-ip": "client", "c-port": "client_port", "cs-username": "user", "cs-method": "method", "cs-uri-stem": "stem", "cs-uri": "target",
    "cs-uri-query": "query", "cs-version": "version", "cs(User-Agent)": "agent", "cs(Referer)": "referrer", "sc-status": "status",
    "sc-bytes": "body_bytes", "cs-bytes": "request_body_bytes", "time-taken": "milliseconds", "s-ip": "server", "s-port": "server_port",
    "cs-host": "vhost", "cs(Host)": "vhost", "X-Forwarded-For": "forwarded", "cs(X-Forwarded-For)": "forwarded", "OriginalIP": "forwarded",
    "X-Real-IP": "forwarded", "cs(X-Real-IP)": "forwarded", "True-Client-IP": "forwarded",
}  # fmt: skip
_OWN = {"s-sitename": "iis.access.site_name", "s-computername": "iis.access.server_name", "cs(Cookie)": "iis.access.cookie"}
_OWN_COUNTS = {"sc-substatus": "iis.access.sub_status", "sc-win32-status": "iis.access.win32_status"}
_WORD, _TEXT, _NUMBER, _WHEN, _OTHER = range(5)
_COLUMNS = {
    **{column: (_WORD, name) for column, name in _WORDS.items()}, **{column: (_TEXT, name) for column, name in _OWN.items()},
    **{column: (_NUMBER, name) for column, name in _OWN_COUNTS.items()}, "date": (_WHEN, ""), "time": (_WHEN, ""),
}  # fmt: skip
_UNKNOWN = (_OTHER, "")
_FITS = (("date", _DAY), ("time", _TIME), ("sc-status", _STATUS))


class Header(msgspec.Struct):
    """What the directives of one file have said so far."""

    columns: tuple[str, ...] = ()
    day: str = ""


class Iis:
    """Remembers the directives of each file. `columns` are those of files whose directives were not seen."""

    def __init__(self, columns: str) -> None:
        self._default = tuple(columns.split())
        self._begun = Header()
        self._headers: OrderedDict[tuple[str, str], Header] = OrderedDict()

    def begins(self, head: bytes) -> None:
        """The first bytes of the file whose lines come next, wherever in it they begin."""
        self._begun = Header()
        for line in head.decode("utf-8", "replace").lstrip("\ufeff").splitlines():
            if not line.startswith("#"):
                break
            _take(self._begun, line)

    def directive(self, record: Record, text: str) -> Filtered:
        """Takes a line that begins with `#`; all but `#Fields` and `#Date` are comments."""
        if text.startswith(("#Fields:", "#Date:")):
            _take(self._header(record), text)
        return Filtered("comment line")

    def line(self, record: Record, text: str) -> Visit | None:
        """A W3C line, or None where it is none; raises `BadRecord` where its columns cannot be known."""
        header = self._headers.get((record.input, record.origin)) if self._headers else None
        header = header or self._begun
        if not header.columns and not _BEGINS(text):
            return None
        values = text.split("\t") if "\t" in text else text.split()
        row = _named(header.columns or self._default, values) or guessed(values)
        if row is not None:
            return _visit(row, header.day)
        if not _BEGINS(text) and not ("date" not in header.columns and _TIME(values[0])):
            return None
        named = f"the last #Fields line named {len(header.columns)}" if header.columns else "no #Fields line was seen before it"
        raise BadRecord(
            f"the line has {len(values)} columns in an order that IIS does not write, and {named}: set iis_fields to name them"
        )

    def _header(self, record: Record) -> Header:
        key = (record.input, record.origin)
        header = self._headers.setdefault(key, Header(self._begun.columns, self._begun.day))
        self._headers.move_to_end(key)
        if len(self._headers) > _FILES:
            self._headers.popitem(last=False)
        return header


def _take(header: Header, directive: str) -> None:
    name, _, rest = directive.partition(":")
    if name == "#Fields":
        header.columns = tuple(rest.split())
    elif name == "#Date":
        header.day = rest.split()[0] if rest.strip() else ""


def _named(columns: tuple[str, ...], values: list[str]) -> Row | None:
    """Column names with their values, where they fit: as many, and the day, the time and the status look like one."""
    if len(columns) != len(values) or not columns:
        return None
    row = dict(zip(columns, values, strict=True))
    return row if all(looks(row[name]) for name, looks in _FITS if name in row) else None


def _visit(row: Row, day: str) -> Visit:
    if "time" not in row or not (day := row.get("date", day)):
        raise BadRecord("neither the line nor a #Date line before it says when this was")
    words: dict[str, str] = {}
    own: dict[str, Value] = {}
    others: list[str] = []
    for column, value in row.items():
        if value == "-":
            continue
        kind, name = _COLUMNS.get(column, _UNKNOWN)
        if kind == _WORD:
            words.setdefault(name, value)
        elif kind == _TEXT:
            own[name] = value
        elif kind == _NUMBER:
            if (number := count(value)) is not None:
                own[name] = number
        elif kind == _OTHER:
            others.append(f"{column}={value}")
    if "agent" in words:
        words["agent"] = words["agent"].replace("+", " ")
    if others:
        own["http_access.columns"] = others
    return _finished(moment(f"{day}T{row['time']}"), words, own)


def _finished(time: int, words: dict[str, str], own: dict[str, Value]) -> Visit:
    """With the class that Elastic gives: a connection where both ends are known."""
    if isinstance(name := own.get("iis.access.server_name"), str):
        own |= {"host.name": name.lower(), "related.hosts": [name.lower()]}
    done = visit(time, words, own)
    if "source.ip" in done.fields and "destination.ip" in done.fields:
        done.fields.update({"event.category": ["web", "network"], "event.type": ["connection"]})
    return done


def native_line(text: str, zone: tzinfo) -> Visit | None:
    """A line of the "Microsoft IIS Log File Format", whose columns are fixed; None where it is none."""
    found = _NATIVE(text)
    if found is None:
        return None
    year = found["year"] if len(found["year"]) == 4 else f"20{found['year']}"
    stamp = f"{year}-{found['month']:0>2}-{found['day']:0>2}T{found['time']:0>8}"
    words = {name: found[name] for name in ("client", "user", "server", "status", "method", "stem", "query")}
    words |= {"milliseconds": found["took"], "request_body_bytes": found["received"], "body_bytes": found["sent"]}
    own: dict[str, Value] = {"iis.access.win32_status": int(found["win32"][:18])}
    own |= {
        f"iis.access.{name}": found[part] for name, part in (("site_name", "site"), ("server_name", "computer")) if found[part]
    }
    return _finished(moment(stamp, zone), words, own)
