"""Which requests may come from a browser's page, and which are the machine's own."""

from __future__ import annotations

import pytest

from logsentry.server.web_pages import own


def asked(host: str = "", origin: str = "", scheme: str = "http") -> bool:
    headers = [(b"host", host.encode()), (b"origin", origin.encode())]
    return own([(name, value) for name, value in headers if value], scheme)


@pytest.mark.parametrize("host", ["", "localhost", "LOCALHOST:8642", "127.0.0.1:8642", "127.0.0.9", "[::1]:8642", "[::1]"])
def test_this_machine_by_its_name_may_ask(host: str) -> None:
    assert asked(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8642", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", "[", "é"]
)
def test_a_name_that_came_to_mean_this_machine_may_not(host: str) -> None:
    assert not asked(host)
    assert asked(host, scheme="https")


def test_a_page_may_ask_where_it_came_from_alone() -> None:
    assert asked("127.0.0.1:8642", "http://127.0.0.1:8642")
    for origin in ("http://evil.example", "null", "http://127.0.0.1:3000", "https://127.0.0.1:8642"):
        assert not asked("127.0.0.1:8642", origin)
        assert not asked("127.0.0.1:8642", origin.replace("http:", "https:", 1) + ".", scheme="https")
