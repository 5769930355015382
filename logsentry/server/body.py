"""The body of a request, whole, unpacked, and never larger than the limits: a client that sends more is told so while it sends."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import suppress
from functools import partial

import zstandard
from starlette.requests import ClientDisconnect, Request

from logsentry.errors import UsageError
from logsentry.server.limits import Limits

IN_A_THREAD = 64 << 10
"""Packed bytes from which unpacking is left to a thread, so that others are answered meanwhile."""

ARCHIVES = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"PK\x03\x04": "zip"}

PIECE = 64 << 10
MEMBERS = 10_000
"""Of one gzip body; each costs more than its few bytes say."""


class TooLarge(UsageError):
    """413: send less at once."""


class TooSlow(UsageError):
    """408: the client did not send its request in time."""


class Unread(UsageError):
    """415: the body is packed in a way that is not read here."""


async def read(request: Request, limits: Limits) -> bytes:
    """Raises `TooLarge`, `TooSlow`, `Unread` for an encoding, and `UsageError` where it is damaged."""
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and (len(said) > 18 or int(said) > limits.body_bytes):
        raise TooLarge(f"a request may have {limits.body_bytes:,} bytes, and this one says it has {said[:30]}")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.header_seconds):
            async for part in request.stream():
                size += len(part)
                if size > limits.body_bytes:
                    raise TooLarge(f"a request may have {limits.body_bytes:,} bytes, and this one has more")
                parts.append(part)
    except TimeoutError:
        raise TooSlow(f"the request was not sent within {limits.header_seconds:g} seconds") from None
    except ClientDisconnect:
        raise UsageError("the client went away before its request was whole") from None
    data, encoding = b"".join(parts), request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity") or len(data) < IN_A_THREAD:
        return unpacked(data, encoding, limits)
    return await asyncio.to_thread(partial(unpacked, data, encoding, limits))


def refuse_archive(data: bytes) -> None:
    """Raises `Unread` for a body that is an archive in itself: what reads files would unpack it, past the limits that hold here."""
    found = next((name for magic, name in ARCHIVES.items() if data.startswith(magic)), None)
    if found is not None:
        raise Unread(f"the body is {found} and does not say so; send it with Content-Encoding, or unpack it first")


def unpacked(data: bytes, encoding: str, limits: Limits) -> bytes:
    """gzip, deflate and zstd, up to the limits on size and on ratio; the rest of a bomb is never unpacked."""
    if encoding in ("", "identity"):
        return data
    most = int(min(limits.body_bytes, max(len(data), 1 << 10) * limits.unpacked_ratio))
    try:
        if encoding in ("gzip", "x-gzip", "deflate"):
            return _inflated(data, 31 if encoding != "deflate" else 15, most)
        if encoding == "zstd":
            return _of_zstd(data, most)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise UsageError(f"the body is no {encoding}: {error}") from error
    raise Unread(f"the encoding {encoding[:20]!r} is not read here; gzip, deflate, zstd and none are")


def _inflated(data: bytes, bits: int, most: int) -> bytes:
    """All members of a gzip body; raises `EOFError` where it is cut off.

    Fed in pieces: what is behind the end of a member is copied, and copying all that is left for each member would be quadratic.
    """
    found: list[bytes] = []
    left, members, inflater = most, 0, zlib.decompressobj(wbits=bits)
    view = memoryview(data)
    for start in range(0, len(data), PIECE):
        piece: bytes = bytes(view[start : start + PIECE])
        while piece:
            if inflater.eof:
                inflater = zlib.decompressobj(wbits=bits)
            part = inflater.decompress(piece, left + 1)
            left -= len(part)
            members += inflater.eof
            if left < 0 or members > MEMBERS:
                raise TooLarge(
                    f"the body unpacks to more than the {most:,} bytes that it may, or has more than {MEMBERS:,} parts"
                )
            found.append(part)
            piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if data and not inflater.eof:
        raise EOFError("it is cut off")
    return b"".join(found)


def _of_zstd(data: bytes, most: int) -> bytes:
    """One frame, whole: a stream reader would be silent about a frame that is cut off."""
    if zstandard.frame_content_size(data) > most:
        raise TooLarge(f"the body unpacks to more than the {most:,} bytes that it may")
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 23)
    try:
        return unpacker.decompress(data, max_output_size=most, allow_extra_data=False)
    except zstandard.ZstdError:
        with suppress(zstandard.ZstdError), unpacker.stream_reader(data) as stream:
            if (
                len(stream.read(most + 1)) > most
            ):  # a frame that does not say its size fails alike for being cut off and for being large
                raise TooLarge(f"the body unpacks to more than the {most:,} bytes that it may") from None
        raise
