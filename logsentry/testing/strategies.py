"""Hypothesis strategies for input that nobody wishes for: hostile bytes, values, and access lines with anything in them."""

from __future__ import annotations

from hypothesis import strategies as st

# What has broken parsers before: quotes, escapes, signs of zones and lists, control characters, bytes that are not UTF-8.
_HARD_PIECES = (
    b'"', b"\\", b'\\"', b"[", b"]", b"{", b"}", b"-", b" - - ", b"\0", b"\r", b"\n", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80",
    b"\xef\xbb\xbf", b"%00", b"%2e%2e%2f", b"%", b"::1", b"fe80::1%eth0", b"999.999.999.999", b"1e999", b"9" * 40, b"-1", b"0x",
    b"type=", b"msg=audit(", b'{"a":', b"null", b"<Event>", b"#", b"HTTP/1.1", b"31/Feb/2020:25:61:61 +9999", b"\xe2\x80\xae",
)  # fmt: skip
_HOSTS = (
    "83.149.9.216",
    "::1",
    "2a02:cf40::4e36",
    "unix:",
    "localhost",
    "10.0.0.2, 10.0.0.1",
    '"10.5.102.222, 175.16.199.1" 10.2.1.185',
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def hostile_bytes(max_size: int = 400) -> st.SearchStrategy[bytes]:
    """Any bytes, and hard pieces strung together, which get further into a parser than noise does."""
    pieces = st.lists(st.sampled_from(_HARD_PIECES) | st.binary(max_size=8), max_size=24).map(b"".join)
    return st.binary(max_size=max_size) | pieces.map(lambda data: data[:max_size])


def mangled(samples: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """A sample with a piece of it replaced by something hostile, or cut off."""
    places = st.tuples(st.sampled_from(samples), st.integers(0, 4096), st.integers(0, 40), hostile_bytes(60))
    return places.map(lambda p: p[0][: p[1] % (len(p[0]) + 1)] + p[3] + p[0][p[1] % (len(p[0]) + 1) + p[2] :])


def access_lines() -> st.SearchStrategy[str]:
    """Well-formed common and combined lines: every one has a client, a real time, a request, a status and a size."""
    quoted = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters='"\\'), max_size=60)
    stamp = st.tuples(
        st.integers(1, 28),
        st.sampled_from(_MONTHS),
        st.integers(1970, 2100),
        st.integers(0, 23),
        st.integers(0, 59),
        st.integers(0, 59),
    ).map(lambda t: f"{t[0]:02d}/{t[1]}/{t[2]}:{t[3]:02d}:{t[4]:02d}:{t[5]:02d} +0000")
    answer = st.tuples(st.integers(100, 599), st.just("-") | st.integers(0, 10**12).map(str)).map(lambda a: f"{a[0]} {a[1]}")
    ending = st.just("") | st.tuples(quoted, quoted).map(lambda pair: f' "{pair[0]}" "{pair[1]}"')
    return st.tuples(st.sampled_from(_HOSTS), stamp, quoted, answer, ending).map(
        lambda p: f'{p[0]} - - [{p[1]}] "GET /{p[2]} HTTP/1.1" {p[3]}{p[4]}'
    )
