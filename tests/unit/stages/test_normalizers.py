"""Each normalizer: its own examples, and what holds for all of them on any text."""

from __future__ import annotations

import doctest
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.stages import normalizers
from logsentry.stages.normalizers import NORMALIZERS, agents, endpoints, identifiers, network, urls

# Three change a value into one of another kind, so that a second pass sees something else.
NOT_IDEMPOTENT = {"percent-decode", "agent-family"}
PIECES = st.sampled_from(
    (
        "C:\\", "\\Users\\", "bob", "/home/", "Public", "10.0.0.1", "::1", "fe80::", "0x1F", "d41d8cd98f00b204e9800998ecf8427e",
        "HKLM\\", "HKEY_USERS", "S-1-5-21-1-2-3", "{", "}", "365ABB72-3D4B-5CEB-0000-0010FA93FD00", "/", "?", "&", "=", ".", "-",
        "7", "2015", "<number>", "<user>", "Mozilla/5.0 (compatible; ", "bot", "curl", ":", "@", " ", "\n", "\0", "é", "\ud800",
        "..", "//", "a.tar.gz", "%25", "%",
    )
)  # fmt: skip
TEXT = st.text(max_size=60) | st.lists(PIECES, max_size=12).map("".join)


@pytest.mark.parametrize(
    "module", [endpoints, identifiers, network, urls, agents, normalizers], ids=lambda module: module.__name__
)
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.failed == 0
    assert result.attempted > 0 or module is normalizers


@pytest.mark.parametrize("name", NORMALIZERS)
def test_each_has_an_example(name: str) -> None:
    assert ">>> " in (NORMALIZERS[name].__doc__ or "")


@pytest.mark.parametrize("name", NORMALIZERS)
@settings(max_examples=100, deadline=None)
@given(text=TEXT)
def test_any_text_gives_text_and_the_same_each_time(name: str, text: str) -> None:
    once = NORMALIZERS[name](text)
    assert isinstance(once, str)
    assert NORMALIZERS[name](text) == once


@pytest.mark.parametrize("name", sorted(set(NORMALIZERS) - NOT_IDEMPOTENT))
@settings(max_examples=100, deadline=None)
@given(text=TEXT)
def test_what_is_normal_stays_as_it_is(name: str, text: str) -> None:
    once = NORMALIZERS[name](text)
    assert NORMALIZERS[name](once) == once


@pytest.mark.parametrize("name", NORMALIZERS)
@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 200_000,
        "1." * 100_000,
        "%25" * 70_000,
        "/" * 200_000,
        "a." * 100_000,
        "&" * 200_000,
        ":" * 200_000,
        "\\users\\" * 30_000,
    ],
)
def test_none_takes_more_than_a_moment(name: str, hostile: str) -> None:
    """Patterns that look back over what they read would need minutes for these."""
    began = time.process_time()
    NORMALIZERS[name](hostile)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("drive", "http://a/b", "http://a/b"),
        ("drive", '"D:/x" E:\\y', '"<drive>/x" <drive>\\y'),
        ("user", "/home/bob", "/home/<user>"),
        ("user", r"C:\Documents and Settings\All Users\x", r"C:\Documents and Settings\All Users\x"),
        ("hash", "a" * 64 + "," + "b" * 33, "<sha256>," + "b" * 33),
        ("uuid", "x-365ABB72-3D4B-5CEB-0000-0010FA93FD00", "x-<uuid>"),
        ("ip-class", "10.0.0.1 8.8.8.8 127.0.0.1 0.0.0.0", "<private> <public> <loopback> <unspecified>"),
        ("ip-class", "fe80::1%eth0 fd00::1 2a02:cf40::1 ::ffff:10.0.0.1", "<link-local> <private> <public> <private>"),
        ("ip-class", "999.1.1.1 1.2.3 12:30:45", "999.1.1.1 1.2.3 12:30:45"),
        ("number", "host7 7 v1.2 3.4", "host7 <number> v1.2 <number>"),
        ("path-parameters", "/u/bob@example.com/d41d8cd98f00b204e9800998ecf8427e", "/u/<email>/<hash>"),
        ("path-parameters", "/t/20150517/deadbeef01/aB3dE5gH7jK9mN1pQ", "/t/<date>/<hex>/<token>"),
        ("path-parameters", "/.git/config", "/.git/config"),
        ("query-shape", "", ""),
        ("query-shape", "8890121518", "<number>"),
        ("query-shape", "b=2&a=1&", "b=<number>&a=<number>&"),
        ("query-shape", "a[0]=x&<b>=y&q=hello+world&e=", "a[0]=<word>&<odd>=<word>&q=<text>&e=<empty>"),
        ("query-shape", "x=<script>alert(1)</script>", "x=<odd>"),
        ("query-shape", "&".join(f"p=a{i}" for i in range(20)), "&".join(["p=<word>"] * 12) + "&<more>"),
        ("agent-class", "Mozilla/5.0 (Macintosh) AppleWebKit/537 (KHTML, like Gecko) Version/7.0.1 Safari/537", "<browser>"),
        ("agent-class", "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1)", "<browser>"),
        ("agent-class", "Mozilla/5.0 (compatible; Ezooms/1.0; help@moz.com)", "<bot>"),
        ("agent-class", "Tiny Tiny RSS/1.11", "<reader>"),
        ("agent-class", "sqlmap/1.4.7#stable (http://sqlmap.org)", "<scanner>"),
        ("agent-class", "python-requests/2.22.0", "<tool>"),
        ("agent-family", "Mozilla/5.0 (X11) AppleWebKit/537 Chrome/100.0 Safari/537 Edg/100.0", "edge"),
        ("agent-family", "Chef Client/10.18.2 (ruby-1.9.3)", "chef client"),
        ("status-class", "abc", "<odd>"),
        ("status-class", "499", "<broken-off>"),
        ("domain", "printer.corp", "<internal>"),
        ("domain", "not a host", "not a host"),
        ("static-names", "/a/.css", "/a/.css"),
        ("registry-hive", r"HKU\S-1-5-18\Software", r"HKU\S-1-5-18\Software"),
    ],
)
def test_more_examples(name: str, value: str, expected: str) -> None:
    assert NORMALIZERS[name](value) == expected
