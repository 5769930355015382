"""What of a message is the record: headers of both RFCs, as their texts give them and as programs write them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.server.syslog.messages import record_of

LINE = b'192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326'
SYSMON = b'{"kind": "Event", "level":"Metadata"}'


@pytest.mark.parametrize(
    ("message", "record"),
    [
        # RFC 5424 section 6.5
        (b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed", b"'su root' failed"),
        (b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time", b"%% It's time"),
        (b'<165>1 2003-10-11T22:14:15.003Z m ev - ID47 [x@32473 iut="3" a="b"] \xef\xbb\xbfAn entry', b"An entry"),
        (b'<165>1 2003-10-11T22:14:15.003Z m ev - ID47 [x@32473 iut="3"][y@32473 class="high"]', None),
        (b'<13>1 - - - - - [a b="\\"]\\\\ ]"] x', b"x"),
        (b"<0>1 - - - - - -", None),
        (b"<13>1 - h app - - -  two spaces", b" two spaces"),
        # RFC 3164 section 5.4, and what is sent under its name
        (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick", b"'su root' failed for lonvick"),
        (b"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", b"Use the BFG!"),
        (b"<190>Oct  5 10:00:00 web nginx: " + LINE, LINE),
        (b"<190>Oct  5 10:00:00 nginx: " + LINE, LINE),
        (b"<134>Oct  5 10:00:00 lb haproxy[291]: " + LINE, LINE),
        (b"<13>2024-05-06T07:08:09.123456+02:00 web httpd: " + LINE, LINE),
        (b"<13>Oct  5 2024 10:00:00 fe80::1 app: x", b"x"),
        (b"<13>Oct  5 10:00:00.123 host type=PATH msg=audit(1.2:3): item=0", b"type=PATH msg=audit(1.2:3): item=0"),
        (b"<13>Oct  5 10:00:00 host " + SYSMON, SYSMON),
        (b"<13>Oct  5 10:00:00 host audit: " + SYSMON, SYSMON),
        (b"<13>" + LINE, LINE),
        (b"<13>Oct  5 10:00:00 host app:", None),
        (b"<13>", None),
        # no syslog
        (LINE, LINE), (SYSMON, SYSMON), (b"<Event/>", b"<Event/>"), (b"<192>x", b"<192>x"), (b"<013>x", b"<013>x"), (b"", None),
        # broken off, or bent
        (b"<34>1 2003-10-11T22:14:15.003Z mymachine su", None),
        (b'<34>1 2003-10-11T22:14:15.003Z m su - ID47 [x a="b', None),
        (b"<34>1 2003-10-11T22:14:15.003Z m su - ID47 text", None),
    ],
)  # fmt: skip
def test_the_record_is_what_follows_the_header(message: bytes, record: bytes | None) -> None:
    assert record_of(message) == record


name = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30).map(str.encode)
value = st.binary(max_size=20).map(lambda some: some.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"]", b"\\]"))
element = st.lists(value, max_size=3).map(lambda values: b"[x@1" + b"".join(b' n="%b"' % each for each in values) + b"]")
structured = st.just(b"-") | st.lists(element, min_size=1, max_size=3).map(b"".join)


@given(st.tuples(name, name, name, name), structured, st.binary(min_size=1))
def test_every_message_of_rfc_5424_gives_its_msg_back(names: tuple[bytes, ...], data: bytes, msg: bytes) -> None:
    message = b"<165>1 2003-08-24T05:14:15.000003-07:00 " + b" ".join(names) + b" " + data + b" " + msg
    assert record_of(message) == (msg.removeprefix(b"\xef\xbb\xbf") or None)


@given(
    st.binary() | st.binary().map(lambda some: b"<13>Oct  5 10:00:00 " + some) | st.binary().map(lambda some: b"<1>1 - " + some)
)
def test_no_bytes_are_too_strange_and_a_record_is_the_end_of_its_message(message: bytes) -> None:
    record = record_of(message)
    assert record is None or (record and message.endswith(record))


@pytest.mark.parametrize("part", [b"[x", b'[x a="', b"x ", b'\\"', b" ", b"a:", b'[x a="b"]'])
def test_no_message_takes_more_than_linear_time(part: bytes) -> None:
    began = time.process_time()
    for head in (b"<13>1 - h a p m ", b'<13>1 - h a p m [x a="', b"<13>Oct  5 10:00:00 ", b"<13>1 "):
        record_of(head + part * (200_000 // len(part)))
    assert time.process_time() - began < 1
