"""What a client may not do to the server: too much, too slowly, too deep; each has its status, and none takes the server down."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import zstandard
from services.model_server import NAME, Answer, Server, serving, store_in

INFER = f"/v2/models/{NAME}/infer"
WINDOW = [3, 5, 6, 4]
HEAD_SECONDS = 1.0
BODY_BYTES = 1 << 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limits") / "store"
    store_in(folder, 1)
    return folder


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Server]:
    limits = [
        f"--limit=header_seconds={HEAD_SECONDS}",
        f"--limit=body_bytes={BODY_BYTES}",
        "--limit=waiting=40",
        "--limit=windows=40",
    ]
    with serving(store, *limits, "--limit=lines=100", "--table", "0", "--batch", "1") as running:
        yield running


def said(server: Server, *parts: bytes, pause: float = 0.0, whole: bool = False) -> bytes:
    """What the server answers to bytes sent in parts, until it closes the connection, or with `whole` until the first answer is whole."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered and hung up, which is what is asked here
        found = b""
        while not (whole and _whole(found)) and (chunk := _received(connection)):
            found += chunk
        return found


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 16)
    except ConnectionResetError:
        return b""


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_loading_is_off_unless_enabled(server: Server) -> None:
    for work in ("load", "unload"):
        answer = server.ask("POST", f"/v2/repository/models/{NAME}/{work}")
        assert (answer.status, "start it with --control" in answer.json()["error"]) == (403, True)
    assert server.infer([WINDOW]).status == 200


def test_a_gigabyte_is_refused_by_its_length_alone(server: Server) -> None:
    before = psutil.Process(server.process.pid).memory_info().rss
    head = f"POST {INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 30}\r\n\r\n".encode()
    answer = said(server, head, b"x" * 1000, whole=True)
    assert status(answer) == 413
    assert b"a request may have 1,048,576 bytes" in answer
    assert psutil.Process(server.process.pid).memory_info().rss - before < 8 << 20


def test_a_body_without_end_is_refused_when_it_is_too_long_and_cut_when_it_goes_on(server: Server) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    answer = said(
        server, f"POST {INFER} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode(), *[chunk] * 40
    )
    assert status(answer) == 413


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_bomb_is_refused(server: Server, name: str) -> None:
    data = b"\0" * (200 << 20)
    packed = gzip.compress(data, 9) if name == "gzip" else zstandard.ZstdCompressor().compress(data)
    before = psutil.Process(server.process.pid).memory_info().rss
    assert server.ask("POST", INFER, packed, {"Content-Encoding": name}).status == 413
    assert psutil.Process(server.process.pid).memory_info().rss - before < 40 << 20


def test_packed_bodies_are_read_and_other_packings_are_415(server: Server) -> None:
    tensor = {"name": "ids", "datatype": "INT64", "shape": [1, 4], "data": WINDOW}
    body = json.dumps({"inputs": [tensor]}).encode()
    assert server.ask("POST", INFER, gzip.compress(body), {"Content-Encoding": "gzip"}).status == 200
    assert server.ask("POST", INFER, body, {"Content-Encoding": "br"}).status == 415
    assert server.ask("POST", INFER, body, {"Content-Encoding": "gzip"}).status == 400
    assert server.ask("POST", "/v1/score/http-access", gzip.compress(b"x\n" * 1000)).status == 415


def test_nesting_without_end_is_400(server: Server) -> None:
    deep = b"[" * 400_000
    assert server.ask("POST", INFER, b'{"inputs":' + deep).status == 400
    assert server.ask("POST", "/v2/repository/index", b'{"parameters":{"a":' + deep).status == 400
    answer = server.ask("POST", "/v1/score/http-access?as=events", b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"\n")
    assert (answer.status, len(answer.json()["rejected"])) == (200, 1)


def test_more_lines_than_allowed_are_413(server: Server) -> None:
    assert server.ask("POST", "/v1/score/http-access", b"x\n" * 101).status == 413


def test_a_slow_body_is_408(server: Server) -> None:
    began = time.monotonic()
    answer = said(
        server, f"POST {INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n".encode(), *[b"x"] * 4, pause=0.5
    )
    assert status(answer) == 408
    assert b"connection: close" in answer
    assert time.monotonic() - began < 30


def test_a_slow_head_is_408_also_on_a_connection_that_was_used_before(server: Server) -> None:
    began = time.monotonic()
    assert status(said(server, b"GET /healthz HTTP/1.1\r\n", *[b"a: b\r\n"] * 4, pause=0.5)) == 408
    answers = said(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /heal", pause=HEAD_SECONDS)
    assert [status(b"HTTP/1.1 " + answer) for answer in answers.split(b"HTTP/1.1 ")[1:]] == [200, 408]
    assert time.monotonic() - began < 30


def test_who_connects_and_says_nothing_is_let_go(server: Server) -> None:
    began = time.monotonic()
    assert said(server) == b""
    assert time.monotonic() - began < 9


def test_a_head_without_end_is_431(server: Server) -> None:
    assert status(said(server, b"GET /healthz HTTP/1.1\r\n", *[b"a: " + b"b" * 8000 + b"\r\n"] * 20)) == 431


def test_what_is_left_of_a_refused_body_does_not_hold_the_connection(server: Server) -> None:
    began = time.monotonic()
    head = f"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_BYTES}\r\n\r\n".encode()
    assert status(said(server, head, *[b"x"] * 30, pause=0.5)) == 404
    assert time.monotonic() - began < 25


@pytest.mark.parametrize(
    "request_",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"],
)
def test_what_is_no_http_is_400(server: Server, request_: bytes) -> None:
    assert status(said(server, request_)) == 400


def test_two_lengths_are_not_believed(server: Server) -> None:
    head = b"POST /v2/repository/index HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    both = head + b"0\r\n\r\nGET /v2 HTTP/1.1\r\n\r\n"
    assert status(said(server, both)) == 400


def test_a_full_queue_is_429_with_the_time_to_come_back(server: Server) -> None:
    answers: list[Answer] = []

    def asked() -> None:
        answers.append(server.infer([[3, *([5 + at] * 62), 4] for at in range(40)]))

    threads = [threading.Thread(target=asked) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert {answer.status for answer in answers} == {200, 429}
    assert server.infer([WINDOW]).status == 200


def test_no_answer_names_a_path_or_python(server: Server, store: Path) -> None:
    bad = [
        server.ask("POST", INFER, b"{"), server.ask("GET", "/v2/models/x"), server.ask("POST", f"/v2/repository/models/{NAME}/load"),
        server.ask("POST", "/v1/score/http-access", b"\xff\xfe\x00" * 50), server.ask("POST", "/v1/score/http-access", b"\x1f\x8b"),
        server.ask("POST", "/v1/score/nothing", b"x"), server.ask("POST", "/v1/score/http-access?as=x", b"x"),
        server.ask("POST", "/v1/score/http-access?as=events", b"{}\n[]\nnull\n{\n\xff\n"),
    ]  # fmt: skip
    for answer in bad:
        told = answer.body.decode()
        assert not any(word in told for word in ("Traceback", ".py", "/tmp", str(store), "/usr", "site-packages")), told


def test_after_all_this_nothing_was_a_defect(server: Server) -> None:
    assert server.ask("GET", "/readyz").status == 200
    assert server.infer([WINDOW]).status == 200
    assert [line for line in server.lines() if line["log.level"] in ("error", "critical")] == []
    deadline = time.monotonic() + 10
    while len(psutil.Process(server.process.pid).net_connections()) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(psutil.Process(server.process.pid).net_connections()) == 1, "only the listening socket is left"
