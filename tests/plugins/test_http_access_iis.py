"""IIS's directives are state: what they rule, for which file, and what happens to a run that never saw them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logsentry_files.input import Files
from logsentry_http_access.iis_columns import guessed
from logsentry_http_access.source import HttpAccess

from logsentry.sdk import BadRecord, Cursor, Event, Filtered, Record, Value

_ODD = b"#Fields: date time c-ip sc-status cs-method cs-uri-stem"
_ODD_LINE = b"2024-05-01 00:00:01 9.9.9.9 404 GET /odd"
_USUAL = b"2024-05-01 00:00:02 10.0.0.1 GET /usual - 80 - 9.9.9.9 curl/8 - 200 0 0 7"


def decoded(source: HttpAccess, *lines: bytes, origin: str = "a") -> list[dict[str, object]]:
    """Fields of each event; directives give none."""
    found = []
    for at, line in enumerate(lines):
        read = source.decode(Record(line, origin, origin, at * 1000, {}))
        if not isinstance(read, Filtered):
            found += [dict(event.fields) for event in read if isinstance(event, Event)]
    return found


def test_a_fields_line_rules_until_the_next() -> None:
    source = HttpAccess(HttpAccess.Config())
    second = b"#Fields: date time cs-uri-stem cs-method sc-status c-ip"
    events = decoded(source, _ODD, _ODD_LINE, second, b"2024-05-01 00:00:03 /then POST 500 8.8.8.8")
    assert [(e["url.path"], e["source.ip"], e["http.response.status_code"]) for e in events] == [
        ("/odd", "9.9.9.9", 404), ("/then", "8.8.8.8", 500),
    ]  # fmt: skip


def test_each_file_has_its_own_fields() -> None:
    source = HttpAccess(HttpAccess.Config())
    decoded(source, _ODD, origin="a")
    assert decoded(source, _USUAL, origin="b")[0]["url.path"] == "/usual"
    assert decoded(source, _ODD_LINE, origin="a")[0]["url.path"] == "/odd"


def test_a_line_of_other_columns_than_named_is_read_by_what_stands_in_it() -> None:
    assert decoded(HttpAccess(HttpAccess.Config()), _ODD, _USUAL)[0]["url.path"] == "/usual"


def test_a_date_line_gives_the_day_of_lines_with_a_time_alone() -> None:
    source = HttpAccess(HttpAccess.Config())
    decoded(source, b"#Date: 2013-07-30 00:00:00", b"#Fields: time c-ip cs-method cs-uri-stem sc-status ")
    read = source.decode(Record(b"00:00:03 22.22.22.200 GET /x 404", "a", "a", 9000, {}))
    assert isinstance(read, tuple)
    assert read[0].document()["@timestamp"] == "2013-07-30T00:00:03.000Z"


def test_a_time_without_any_day_is_refused() -> None:
    source = HttpAccess(HttpAccess.Config())
    decoded(source, b"#Fields: time c-ip cs-method cs-uri-stem sc-status")
    with pytest.raises(BadRecord, match="says when this was"):
        decoded(source, b"00:00:03 22.22.22.200 GET /x 404")


def test_a_run_that_resumes_refuses_what_it_cannot_know_unless_it_is_told() -> None:
    with pytest.raises(BadRecord, match="set iis_fields"):
        decoded(HttpAccess(HttpAccess.Config()), _ODD_LINE)
    told = HttpAccess(HttpAccess.Config(iis_fields="date time c-ip sc-status cs-method cs-uri-stem"))
    assert decoded(told, _ODD_LINE)[0]["url.path"] == "/odd"


def test_a_run_that_resumes_in_mid_file_knows_the_columns_from_the_head_of_the_file(tmp_path: Path) -> None:
    fields = b"#Fields: date time cs-method cs-uri-stem cs(Referer) cs(User-Agent) c-ip sc-status sc-bytes"
    line = b"2024-05-06 07:08:%02d GET /x http://r/ curl/8 10.0.0.1 200 512"
    log = tmp_path / "u_ex.log"
    log.write_bytes(b"\n".join([b"#Software: IIS", fields, line % 1, line % 2, b""]))
    whole = through_files(log, None)
    assert whole[1][1]["http.request.referrer"] == "http://r/"
    assert through_files(log, whole[0][0].cursor) == whole[1:]


def through_files(log: Path, after: Cursor | None) -> list[tuple[Record, dict[str, Value]]]:
    source = HttpAccess(HttpAccess.Config())
    files = Files(Files.Config(paths=(str(log),)))
    files.framed_by(source.framing_of)
    found = [(record, source.decode(record)) for record in files.read(after) if record is not None]
    return [(record, events[0].fields) for record, events in found if not isinstance(events, Filtered)]


def test_unknown_columns_are_kept() -> None:
    source = HttpAccess(HttpAccess.Config())
    events = decoded(source, _ODD + b" X-Special", _ODD_LINE + b" abc")
    assert events[0]["http_access.columns"] == ["X-Special=abc"]


def test_the_memory_of_directives_is_bounded() -> None:
    source = HttpAccess(HttpAccess.Config())
    for at in range(3000):
        source.decode(Record(_ODD, str(at), str(at), 0, {}))
    assert len(source._iis._headers) <= 1024


_VALUES = {
    "s-sitename": st.just("W3SVC7"), "s-computername": st.just("WEB-1"), "s-ip": st.sampled_from(("10.0.0.1", "fe80::1%5")),
    "cs-version": st.just("HTTP/1.1"), "cs(User-Agent)": st.sampled_from(("-", "curl/8", "Mozilla/5.0+(X11)")),
    "cs(Cookie)": st.sampled_from(("-", "a=b;+c=d")), "cs(Referer)": st.sampled_from(("-", "http://r/?x=1")),
    "cs-host": st.sampled_from(("-", "h.example:8080")), "sc-status": st.sampled_from(("200", "404")),
    "sc-substatus": st.sampled_from(("0", "17")), "sc-win32-status": st.sampled_from(("0", "2147942405")),
    "sc-bytes": st.integers(0, 10**9).map(str), "cs-bytes": st.integers(0, 10**9).map(str), "time-taken": st.integers(0, 10**6).map(str),
}  # fmt: skip
_CORE = ("cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip")
_MIDDLES = (
    (),
    ("cs(User-Agent)",),
    ("cs(User-Agent)", "cs(Referer)"),
    ("cs(User-Agent)", "cs(Cookie)", "cs(Referer)", "cs-host"),
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_columns_are_found_for_each_selection_that_iis_offers(data: st.DataObject) -> None:
    """So a run that resumes in mid-file gives the events that a run from the beginning gives."""
    before = data.draw(
        st.sampled_from(((), ("s-ip",), ("s-sitename", "s-ip"), ("s-sitename", "s-computername", "s-ip"), ("s-sitename",)))
    )
    version = data.draw(st.sampled_from(((), ("cs-version",))))
    ends = data.draw(st.sampled_from(((), ("time-taken",), ("sc-bytes", "cs-bytes", "time-taken"))))
    middle = data.draw(st.sampled_from(_MIDDLES))
    names = ("date", "time", *before, *_CORE, *version, *middle, "sc-status", "sc-substatus", "sc-win32-status", *ends)
    fixed = {
        "date": "2024-05-01",
        "time": "10:11:12",
        "cs-method": "GET",
        "cs-uri-stem": "/a",
        "cs-uri-query": "-",
        "s-port": "443",
    }
    fixed |= {"cs-username": "-", "c-ip": "9.9.9.9"}
    values = [fixed[name] if name in fixed else data.draw(_VALUES[name]) for name in names]
    assert guessed(values) == dict(zip(names, values, strict=True))
