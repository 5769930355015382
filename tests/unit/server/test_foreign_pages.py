"""A server without tokens answers programs of this machine, and no web page that a browser on it happens to show."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from logsentry.server.answers import foreign

LOCAL = ("127.0.0.1", 8642)


def asked(host: str, origin: str | None = None, server: tuple[str, int] = LOCAL) -> str:
    headers = [(b"host", host.encode()), *([] if origin is None else [(b"origin", origin.encode())])]
    return foreign(
        Request({"type": "http", "method": "POST", "path": "/", "headers": headers, "server": server, "query_string": b""})
    )


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost:8642", "localhost", "[::1]:8642"])
def test_programs_of_this_machine_are_answered(host: str) -> None:
    assert asked(host) == ""
    assert asked(host, f"http://{host}") == ""


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "", "10.0.0.7:8642"])
def test_a_name_that_was_made_to_mean_this_machine_is_not(host: str) -> None:
    assert "names of this machine" in asked(host)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://evil.example:8642", "http://127.0.0.1:9999", ""])
def test_a_page_of_another_site_is_not(origin: str) -> None:
    assert "no page of another site" in asked("127.0.0.1:8642", origin)


def test_behind_mutual_tls_a_server_has_a_name_of_its_own() -> None:
    assert asked("scores.example:8642", server=("10.0.0.7", 8642)) == ""
    assert asked("scores.example:8642", "https://evil.example", server=("10.0.0.7", 8642))
