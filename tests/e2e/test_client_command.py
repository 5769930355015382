"""`logsentry client` against a server that runs: the lines of `logsentry score`, byte for byte, and how it ends when something is amiss."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import zstandard
from click.testing import CliRunner
from services.certificates import Authority
from services.model_server import NAME, Server, serving, store_in

import logsentry
from logsentry.cli import main

LOGS = Path(logsentry.__file__).parent / "demo" / "logs"
ATTACKS = LOGS / "attacks.log.gz"
ORDINARY = LOGS / "ordinary-2015-05-19.log.gz"
SCORE = ("score", "--source", "http-access")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client") / "store"
    store_in(folder, 1)
    return folder


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Server]:
    with serving(store, "--control", "--limit", "lines=4000") as found:
        yield found


class Ended(NamedTuple):
    code: int
    stdout: bytes
    stderr: bytes


def run(server: str, *words: str | Path, stdin: bytes = b"", code: int = 0, process: bool = False, **environment: str) -> Ended:
    """In this process, which saves the second that a process takes to begin, or in one of its own."""
    called = ["client", str(words[0]), "--server", server, *map(str, words[1:])]
    done = (_process if process else _here)(called, stdin, environment)
    assert done.code == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done


def _process(called: list[str], stdin: bytes, environment: dict[str, str]) -> Ended:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOGSENTRY_")} | environment
    command = [sys.executable, "-m", "logsentry", *called]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=own, timeout=120)
    return Ended(done.returncode, done.stdout, done.stderr)


def _here(called: list[str], stdin: bytes, environment: dict[str, str]) -> Ended:
    own: dict[str, str | None] = {name: None for name in os.environ if name.startswith("LOGSENTRY_")}
    done = CliRunner().invoke(main.root, called, input=stdin, env=own | environment)
    return Ended(done.exit_code, done.stdout_bytes, done.stderr_bytes)


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


@cache
def locally(store: Path, path: Path) -> bytes:
    command = [sys.executable, "-m", "logsentry", "score", "--bundle", NAME, "--store", str(store), str(path)]
    return subprocess.run(command, capture_output=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}).stdout


def test_a_server_says_what_the_command_says_byte_for_byte(server: Server, store: Path, tmp_path: Path) -> None:
    lines = gzip.decompress(ATTACKS.read_bytes())
    (tmp_path / "a.log").write_bytes(lines)
    (tmp_path / "b.log").write_bytes(lzma.compress(lines))
    (tmp_path / "c.zst").write_bytes(zstandard.ZstdCompressor().compress(lines))
    alone = locally(store, ATTACKS)
    done = run(address(server), *SCORE, ATTACKS, ORDINARY, process=True)
    assert done.stdout == alone + locally(store, ORDINARY)
    assert b"read 3,046 = scored 3,046 + filtered 0 + dead-lettered 0" in done.stderr
    assert run(address(server), *SCORE, tmp_path / "*.log", tmp_path / "c.zst", "--compress").stdout == alone * 3
    assert run(address(server), *SCORE, "-", stdin=lines, process=True).stdout == alone
    assert run(address(server), *SCORE, ATTACKS, "--model", NAME, "--fail-on", "alert", code=3).stdout == alone


def test_a_file_too_large_for_a_request_is_cut_where_that_is_asked_for(server: Server, tmp_path: Path) -> None:
    lines = gzip.decompress(ORDINARY.read_bytes())
    (tmp_path / "large.log").write_bytes(lines * 2 + b"no access line\n")
    refused = run(address(server), *SCORE, tmp_path / "large.log", code=1)
    assert b"a request may have 4,000 lines" in refused.stderr
    assert refused.stdout == b""
    (tmp_path / "huge.log").write_bytes(b"x" * (40 << 20))
    huge = run(address(server), *SCORE, ATTACKS, tmp_path / "huge.log", ATTACKS, code=1)
    assert b"a request may have 16,777,216 bytes" in huge.stderr, "the answer comes while the client is still sending"
    assert b"huge.log, and what follows it, was not scored" in huge.stderr
    assert b"15 windows scored" in huge.stderr
    assert huge.stdout.count(b"\n") == 15
    cut = run(address(server), *SCORE, tmp_path / "large.log", "--chunk-lines", 1000, code=4)
    assert sum(json.loads(line)["events"] for line in cut.stdout.splitlines()) == 2 * 2896
    assert b"large.log, line 5793: this is no access-log line" in cut.stderr
    assert b"read 5,793 = scored 5,792 + filtered 0 + dead-lettered 1" in cut.stderr


def test_records_that_cannot_be_read_are_told_and_counted(server: Server) -> None:
    first = gzip.decompress(ATTACKS.read_bytes()).splitlines(keepends=True)[0]
    done = run(address(server), *SCORE, "-", stdin=first + b"\x1b[31mno line\n" * 12 + first, code=4)
    assert sum(json.loads(line)["events"] for line in done.stdout.splitlines()) == 2
    assert done.stderr.count(b"-, line ") == 10
    assert b"2 further records could not be read" in done.stderr
    assert b"\x1b" not in done.stderr
    quiet = run(address(server), *SCORE, "--quiet", "-", stdin=first)
    assert quiet.stderr == b""


def test_ecs_events_come_back_scored(server: Server, store: Path) -> None:
    decoded = subprocess.run(
        [sys.executable, "-m", "logsentry", "decode", "--source", "http-access", str(ATTACKS)], capture_output=True, check=True
    ).stdout
    found = run(address(server), *SCORE, "--as", "events", "-", stdin=decoded).stdout.splitlines()
    raw = locally(store, ATTACKS).splitlines()
    assert [json.loads(line)["value"] for line in found] == [json.loads(line)["value"] for line in raw]


def test_bad_input_is_one_sentence_and_nothing_is_sent(server: Server, tmp_path: Path) -> None:
    (tmp_path / "half.gz").write_bytes(ORDINARY.read_bytes()[:5000])
    assert b"half.gz is damaged or cut off" in run(address(server), *SCORE, tmp_path / "half.gz", code=1).stderr
    assert b"there is no file" in run(address(server), *SCORE, ATTACKS, tmp_path / "none", code=1).stderr
    assert b"kube-audit" in run(address(server), "score", "--source", "kube-audit", ATTACKS, code=2).stderr
    assert b"is a folder" in run(address(server), *SCORE, tmp_path, code=1).stderr
    assert b"read 0 = scored 0" in run(address(server), *SCORE, os.devnull).stderr


def test_models_are_listed_and_switched(server: Server) -> None:
    table = run(address(server), "models").stdout.decode().splitlines()
    assert table[0].split() == ["NAME", "VERSION", "STATE"]
    assert table[1].split()[::2] == [NAME, "READY"]
    run(address(server), "unload", NAME)
    (row,) = json.loads(run(address(server), "models", "--json").stdout)
    assert (row["name"], row["state"]) == (NAME, "UNAVAILABLE")
    run(address(server), "load", NAME)
    assert b"no model" in run(address(server), "load", "other", code=2).stderr


def test_tokens_and_certificates_of_both_sides(store: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (certificate, key), (own, own_key) = authority.sign("server"), authority.sign("client")
    token = "s" * 24
    tls = ("--certificate", certificate, "--key", key, "--client-ca", authority.path)
    with serving(store, *tls, environment={"LOGSENTRY_SCORE_TOKEN": token}) as found:
        url = f"https://localhost:{found.port}"
        known = ("--ca-file", authority.path, "--certificate", own, "--key", own_key)
        assert b"a token is needed" in run(url, "models", *known, code=2).stderr
        assert b"READY" in run(url, "models", *known, LOGSENTRY_TOKEN=token).stdout
        (tmp_path / "token").write_text(token + "\n")
        assert run(url, *SCORE, ATTACKS, *known, "--token-file", tmp_path / "token").stdout.count(b"\n") == 15
        off = run(url, "load", NAME, *known, LOGSENTRY_TOKEN=token, code=2).stderr
        assert token.encode() not in off
        assert run(url, "models", "--ca-file", authority.path, "--seconds", "1", LOGSENTRY_TOKEN=token, code=1).stdout == b""


def test_nobody_there(tmp_path: Path) -> None:
    done = run("http://127.0.0.1:9", "models", "--seconds", "0.5", code=1)
    assert done.stderr.count(b"cannot be reached") >= 1
    assert b"is no address" in run("127.0.0.1:9", "models", code=2).stderr
    warned = run("http://192.0.2.1:9", "models", "--seconds", "0.2", code=1, LOGSENTRY_TOKEN="x" * 20)
    assert b"the token crosses the network unencrypted" in warned.stderr
