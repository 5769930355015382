"""Bodies: packed ones come out whole or not at all, bombs are put down before they go off, and slow senders are told."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from logsentry.errors import UsageError
from logsentry.server.body import TooLarge, TooSlow, Unread, read, refuse_archive, unpacked
from logsentry.server.limits import Limits

LIMITS = Limits()
NO_SIZE = zstandard.ZstdCompressor(write_content_size=False)
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
packings = pytest.mark.parametrize("pack", [*PACK.items(), ("zstd", NO_SIZE.compress)], ids=[*PACK, "zstd of unknown size"])


@packings
@given(data=st.binary(max_size=500))
def test_what_was_packed_comes_out(pack: tuple[str, Callable[[bytes], bytes]], data: bytes) -> None:
    assert unpacked(pack[1](data), pack[0], LIMITS) == data


@packings
def test_a_body_of_the_largest_size_comes_out_and_one_byte_more_does_not(pack: tuple[str, Callable[[bytes], bytes]]) -> None:
    limits = Limits(body_bytes=5000)
    assert len(unpacked(pack[1](b"x" * 5000), pack[0], limits)) == 5000
    with pytest.raises(TooLarge, match="more than the 5,000 bytes"):
        unpacked(pack[1](b"x" * 5001), pack[0], limits)


@packings
def test_a_bomb_is_not_unpacked(pack: tuple[str, Callable[[bytes], bytes]]) -> None:
    bomb = pack[1](b"\0" * (64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpacked(bomb, pack[0], Limits(body_bytes=1 << 20))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_the_ratio_counts_too() -> None:
    small = gzip.compress(b"\0" * 2_000_000)
    assert len(small) < 4000
    with pytest.raises(TooLarge):
        unpacked(small, "gzip", LIMITS)


@packings
def test_every_body_that_is_cut_off_is_refused(pack: tuple[str, Callable[[bytes], bytes]]) -> None:
    whole = pack[1](bytes(range(256)) * 3)
    for length in range(1, len(whole)):
        with pytest.raises(UsageError, match=f"the body is no {pack[0]}"):
            unpacked(whole[:length], pack[0], LIMITS)


@packings
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_body_or_a_usage_error(pack: tuple[str, Callable[[bytes], bytes]], data: bytes) -> None:
    try:
        assert isinstance(unpacked(data, pack[0], LIMITS), bytes)
    except UsageError as error:
        assert "body" in str(error)  # noqa: PT017 - either is right


def test_all_members_of_a_gzip_body_are_read_and_what_is_behind_them_is_not_passed_over() -> None:
    assert unpacked(gzip.compress(b"one") + gzip.compress(b"two"), "gzip", LIMITS) == b"onetwo"
    with pytest.raises(UsageError):
        unpacked(gzip.compress(b"one") + b"tail", "gzip", LIMITS)
    with pytest.raises(UsageError, match="unused data"):
        unpacked(PACK["zstd"](b"one") + PACK["zstd"](b"two"), "zstd", LIMITS)


def test_hundreds_of_thousands_of_empty_members_cost_little() -> None:
    empty = gzip.compress(b"")
    began = time.process_time()
    with pytest.raises(TooLarge, match="parts"):
        unpacked(empty * (16_000_000 // len(empty)), "gzip", LIMITS)
    assert time.process_time() - began < 3


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip2", "\r\n"])
def test_another_packing_is_named(encoding: str) -> None:
    with pytest.raises(Unread, match="is not read here"):
        unpacked(b"", encoding, LIMITS)


@pytest.mark.parametrize("data", [gzip.compress(b"x", mtime=0), PACK["zstd"](b"x"), b"BZh91AY", b"\xfd7zXZ\0", b"PK\x03\x04"])
def test_an_archive_in_place_of_lines_is_refused(data: bytes) -> None:
    with pytest.raises(Unread, match="does not say so"):
        refuse_archive(data)
    refuse_archive(b"127.0.0.1 - -")


def request(parts: list[bytes], pause: float = 0.0, **headers: str) -> Request:
    left = [*parts]

    async def receive() -> dict[str, object]:
        await asyncio.sleep(pause)
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": named}, receive)


def body_of(asked: Request, limits: Limits = LIMITS) -> bytes:
    return asyncio.run(read(asked, limits))


def test_a_body_in_parts_is_put_together_and_unpacked() -> None:
    packed = gzip.compress(b"hello")
    assert body_of(request([packed[:3], packed[3:]], content_encoding="GZIP")) == b"hello"
    large = gzip.compress(bytes(range(256)) * 4000, compresslevel=0)
    assert body_of(request([large], content_encoding="gzip")) == bytes(range(256)) * 4000


@pytest.mark.parametrize("length", ["101", "9" * 30, "9" * 6000])
def test_a_length_past_the_limit_is_refused_before_anything_is_read(length: str) -> None:
    with pytest.raises(TooLarge, match="says it has"):
        body_of(request([], content_length=length), Limits(body_bytes=100))


def test_a_length_that_is_a_lie_is_found_out() -> None:
    with pytest.raises(TooLarge, match="has more"):
        body_of(request([b"x" * 60, b"x" * 60, b""], content_length="²"), Limits(body_bytes=100))


def test_a_slow_client_is_told_so() -> None:
    began = time.monotonic()
    with pytest.raises(TooSlow, match=r"not sent within 0\.05 seconds"):
        body_of(request([b"x"] * 100, pause=0.02), Limits(header_seconds=0.05))
    assert time.monotonic() - began < 5


def test_a_client_that_goes_away_is_no_defect() -> None:
    async def gone() -> dict[str, object]:
        return {"type": "http.disconnect"}

    with pytest.raises(UsageError, match="went away"):
        body_of(Request({"type": "http", "method": "POST", "headers": []}, gone))
