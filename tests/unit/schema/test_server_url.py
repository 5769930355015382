from __future__ import annotations

import pytest

from logsentry.errors import UsageError
from logsentry.schema.server_url import server_url

GOOD = ["http://127.0.0.1:9200", "https://host", "https://host/prefix", "http://[::1]:8088"]
BAD = ["", "host:9200", "ftp://host", "https://", "https://host:port", "https://host?x=1", "https://host#part", "http://[::1"]


def checked(url: str) -> str:
    return server_url(url, "a store", "set TOKEN", "https://store:1")


@pytest.mark.parametrize("url", GOOD)
def test_an_address_loses_its_last_slash_and_nothing_else(url: str) -> None:
    assert checked(url) == checked(url + "/") == url


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(UsageError, match="is no address of a store; write for instance https://store:1"):
        checked(url)


@pytest.mark.parametrize("url", ["https://me:hush@host", "hush@host", "https://host:hush@"])
def test_one_that_holds_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="set TOKEN") as refused:
        checked(url)
    assert "hush" not in str(refused.value)
