"""Events: ids that survive a replay, times to the digit, documents that are valid JSON whatever the bytes were."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from logsentry.schema.event import Event, event_id, readable, timestamp
from logsentry.schema.record import Record

RECORD = Record(b"GET /", "access.log", "0a1b", 17, {"offset": 22})
FIRST = -62_135_596_800 * 10**9  # 0001-01-01
LAST = 253_402_300_800 * 10**9 - 1  # the last nanosecond of 9999


def test_an_id_comes_from_the_bytes_and_their_place_and_from_nothing_else() -> None:
    same = msgspec.structs.replace(RECORD, input="access.log.1.gz", cursor={"line": 3})
    assert event_id(same) == event_id(RECORD) == "e36fbb2ded674495fb97574f4d5cdd94"
    others = [{"data": b"GET /x"}, {"origin": "0a1c"}, {"offset": 18}]
    ids = {event_id(msgspec.structs.replace(RECORD, **change)) for change in others} | {event_id(RECORD, part=1)}
    assert len(ids | {event_id(RECORD)}) == 5


@given(st.text(max_size=5), st.integers(0, 10**12), st.integers(0, 99), st.binary(max_size=20))
@example("\udcff", 0, 0, b"")
def test_an_id_is_32_hex_digits_whatever_the_record_holds(origin: str, offset: int, part: int, data: bytes) -> None:
    try:
        origin.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return  # an origin is a digest or a path, and a path holds no such surrogate
    found = event_id(Record(data, "-", origin, offset, {}), part)
    assert len(found) == 32
    assert int(found, 16) >= 0


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.000000001Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_500_000_000, "1970-01-01T00:00:01.500Z"), (FIRST, "0001-01-01T00:00:00.000Z"),
        (LAST, "9999-12-31T23:59:59.999999999Z"),
    ],
)  # fmt: skip
def test_times_are_written_to_the_digit(nanoseconds: int, text: str) -> None:
    assert timestamp(nanoseconds) == text


@pytest.mark.parametrize("nanoseconds", [FIRST - 1, LAST + 1, 10**30, -(10**30)])
def test_a_time_outside_the_calendar_is_refused(nanoseconds: int) -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        timestamp(nanoseconds)


@given(st.integers(FIRST, LAST))
def test_no_digit_of_a_time_is_lost(nanoseconds: int) -> None:
    whole, _, fraction = timestamp(nanoseconds).removesuffix("Z").partition(".")
    since = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert since // timedelta(seconds=1) * 10**9 + int(fraction.ljust(9, "0")) == nanoseconds


@given(st.binary(max_size=40))
def test_a_document_is_json_and_holds_the_original(data: bytes) -> None:
    event = Event("ab", 0, "web", {"source.ip": "192.0.2.1"}, "seen", data)
    document = json.loads(msgspec.json.encode(event.document()))
    assert document["event"] == {"id": "ab", "original": readable(data)}
    assert (document["@timestamp"], document["message"]) == ("1970-01-01T00:00:00.000Z", "seen")
    assert document["source"] == {"ip": "192.0.2.1"}


def test_an_event_without_a_time_has_no_timestamp() -> None:
    assert "@timestamp" not in Event("ab", None, "web", {}, "", b"").document()


def test_bytes_that_are_not_utf8_stay_readable() -> None:
    assert readable(b"a\xff\x00\xc3\xa9") == "a\\xff\x00é"
