"""The client against answers that go wrong: when it asks again, when it stops, and what never leaves it."""

from __future__ import annotations

import gzip
import json
import time
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from services.certificates import Authority
from services.certificates import serving as trusted
from services.scripted import Reply, scripted

from logsentry.errors import BundleRefused, InputError, LogsentryError, Unavailable, UsageError
from logsentry.schema.secret import Secret
from logsentry.server.client import Client, Connection, Model

TOKEN = "a-token-that-nobody-may-see"
BOOKS = {"read": 2, "scored": 1, "duplicate": 0, "filtered": 0, "dead_lettered": 1, "open": 0}
SCORED = {
    "model": "web@0123",
    "scores": [{"id": "a", "value": 1e-05, "alert": True, "events": 1}],
    "books": BOOKS,
    "rejected": [{"line": 2, "reason": "no"}],
}
FINE = Reply(body=json.dumps(SCORED).encode())
BUSY = Reply(429, b'{"error":"20,000 windows are waiting already"}', {"retry-after": "0"})


def client(url: str, seconds: float = 20, **more: object) -> Client:
    return Client(Connection(url, **{"token": Secret(TOKEN), "seconds": seconds, **more}))  # type: ignore[arg-type]


def test_what_is_asked_and_what_comes_back() -> None:
    with scripted(FINE) as server:
        answer = client(server.url + "/").score("http-access", b"one\ntwo\n", model="a b/ü")
    (asked,) = server.asked
    assert (asked.path, asked.body) == ("/v1/score/http-access?as=raw&model=a+b%2F%C3%BC", b"one\ntwo\n")
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert answer.scores == SCORED["scores"]
    assert (answer.books.read, answer.rejected[0].line, answer.rejected[0].reason) == (2, 2, "no")


def test_names_stay_names_in_an_address() -> None:
    with scripted(FINE) as server:
        client(server.url).score("../v2/repository/models/web/unload", b"")
        assert server.asked[0].path == "/v1/score/..%2Fv2%2Frepository%2Fmodels%2Fweb%2Funload?as=raw"


def test_compressed_it_is_the_same() -> None:
    with scripted(FINE) as server:
        client(server.url, compress=True).score("http-access", b"line\n" * 1000)
    assert gzip.decompress(server.asked[0].body) == b"line\n" * 1000
    assert server.asked[0].headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "trouble", [BUSY, Reply(503), Reply(502, b"<html>"), Reply(504), Reply(200, FINE.body, cut=True)], ids=repr
)
def test_a_busy_server_and_a_cut_connection_are_asked_again(trouble: Reply) -> None:
    told: list[str] = []
    with scripted(trouble, trouble, FINE) as server:
        answer = Client(Connection(server.url, seconds=20), told.append).score("http-access", b"x\n")
    assert answer.model == "web@0123"
    assert [asked.body for asked in server.asked] == [b"x\n"] * 3
    assert len(told) == 1, "the same reason is told once"
    assert told[0].endswith("asking again")


@pytest.mark.parametrize("after", ["1", formatdate(time.time() + 3, usegmt=True)], ids=["seconds", "date"])
def test_it_comes_back_no_sooner_than_it_was_told(after: str) -> None:
    if "," in after:
        after = formatdate(time.time() + 2, usegmt=True)  # whole seconds: at least one from now
    with scripted(Reply(429, headers={"retry-after": after}), FINE) as server:
        client(server.url).score("http-access", b"x\n")
    first, second = server.asked
    assert second.at - first.at >= 1


@pytest.mark.parametrize("after", ["soon", "-1", "1e400", "", "9" * 400])
def test_a_retry_after_that_is_none_is_no_reason_to_fail(after: str) -> None:
    with scripted(Reply(429, headers={"retry-after": after}), FINE) as server:
        if len(after) > 100:
            with pytest.raises(Unavailable):
                client(server.url, seconds=3).score("http-access", b"x\n")
        else:
            client(server.url).score("http-access", b"x\n")


def test_it_gives_up_at_once_where_the_wait_is_longer_than_its_time() -> None:
    began = time.monotonic()
    with scripted(Reply(503, b'{"error":"no disk"}', {"retry-after": "60"})) as server:
        with pytest.raises(Unavailable, match=r"no disk; gave up after 5 seconds"):
            client(server.url, seconds=5).score("http-access", b"x\n")
        assert len(server.asked) == 1
    assert time.monotonic() - began < 3


def test_it_keeps_its_deadline_while_a_server_dawdles() -> None:
    began = time.monotonic()
    with scripted(Reply(slow=2.0)) as server, pytest.raises(Unavailable, match="gave up"):
        client(server.url, seconds=0.4).score("http-access", b"x\n")
    assert time.monotonic() - began < 4


def test_nobody_there_is_said_soon() -> None:
    with scripted(FINE) as server:
        url = server.url
    with pytest.raises(Unavailable, match="cannot be reached"):
        client(url, seconds=0.3).models()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, UsageError), (401, UsageError), (403, UsageError), (404, UsageError), (409, BundleRefused), (413, InputError),
     (415, InputError), (500, LogsentryError)],
)  # fmt: skip
def test_a_refusal_is_final_and_says_what_the_server_said(status: int, kind: type[LogsentryError]) -> None:
    with scripted(Reply(status, b'{"error":"the reason"}')) as server:
        with pytest.raises(kind, match="refused: the reason") as error:
            client(server.url).score("http-access", b"x\n")
        assert len(server.asked) == 1
    assert type(error.value) is kind
    assert TOKEN not in str(error.value)


def test_a_token_does_not_follow_a_redirection() -> None:
    with scripted(FINE) as other, scripted(Reply(307, headers={"location": other.url + "/v1/score/http-access"})) as server:
        with pytest.raises(LogsentryError, match="status 307"):
            client(server.url).score("http-access", b"x\n")
        assert other.asked == []


@pytest.mark.parametrize(
    "body", [b"", b"<html>hello</html>", b"[]", b'{"model":1}', b'{"model":"m","scores":{},"books":{},"rejected":[]}']
)
def test_what_is_no_answer_of_this_server_is_told(body: bytes) -> None:
    with scripted(Reply(body=body)) as server, pytest.raises(Unavailable, match="as no logsentry server does"):
        client(server.url).score("http-access", b"x\n")


def test_models_are_listed_loaded_and_unloaded() -> None:
    rows = b'[{"name":"web","version":"01","state":"READY","reason":""},{"name":"b","version":"","state":"UNAVAILABLE","reason":"r"}]'
    with scripted(Reply(body=rows), Reply(), Reply()) as server:
        asks = client(server.url)
        assert asks.models() == [Model("web", "01", "READY"), Model("b", "", "UNAVAILABLE", "r")]
        asks.load("w/b")
        asks.unload("w/b")
    paths = [asked.path for asked in server.asked]
    assert paths == [f"/v2/repository/{end}" for end in ("index", "models/w%2Fb/load", "models/w%2Fb/unload")]


@pytest.mark.parametrize(
    "url", ["", "localhost:8642", "ftp://host", "http://", "http://host:many", "http://host/?a=b", "http://[::1"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        client(url)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as error:
        client("http://admin:hunter2@host:8642")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "exposed"),
    [("http://host:1", True), ("http://10.0.0.1", True), ("http://localhost", False), ("http://127.0.0.9:1", False),
     ("http://[::1]:1", False), ("https://host:1", False)],
)  # fmt: skip
def test_whether_a_token_would_cross_a_network_in_the_clear(url: str, exposed: bool) -> None:
    assert Connection(url, token=Secret(TOKEN)).exposed is exposed
    assert not Connection(url).exposed


def test_a_certificate_has_to_be_vouched_for(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with scripted(FINE, context=trusted(authority.sign("good"))) as server:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="not to be trusted"):
            client(server.url).score("http-access", b"x\n")
        assert time.monotonic() - began < 5, "a certificate does not become better by asking again"
        assert server.asked == []
        assert client(server.url, ca_file=str(authority.path)).score("http-access", b"x\n").model == "web@0123"
        named = f"https://localhost:{urlsplit(server.url).port}"
        assert client(named, ca_file=str(authority.path)).score("http-access", b"x\n").model == "web@0123"


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with scripted(FINE, context=trusted(authority.sign("other", "DNS:other.example"))) as server:
        with pytest.raises(Unavailable, match="not to be trusted"):
            client(server.url, ca_file=str(authority.path)).score("http-access", b"x\n")
        assert server.asked == []


def test_files_that_are_no_certificates(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for files in ({"ca_file": str(tmp_path / "empty.pem")}, {"certificate": str(tmp_path / "none.pem")}):
        with pytest.raises(UsageError, match="cannot be used"):
            client("https://host:1", **files)
