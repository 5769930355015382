"""A forwarder's dead letters as an admin mends and replays them, around a real server that is stopped, or killed, and started again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml
from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk
from services.forwarders import Served, closing_lines, lines, served, until

ODD = [f"10.9.{host}.1;[19/May/2015:10:{host % 60:02d}:00 +0000];GET /{host} HTTP/1.1;200;5" for host in range(200)]
"""Lines that the source reads once it was told the format."""


def mend(server: Served) -> None:
    config = server.folder / "forward.yaml"
    found = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**found, "source": {"use": "http-access", "formats": ["%a;%t;%r;%s;%O"]}}))


def replay(server: Served, code: int) -> str:
    """What the one command says; never a traceback."""
    command = [sys.executable, "-m", "logsentry", "dlq", "replay", str(server.folder / "forward.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


def deliver(server: Served, found: Sequence[str]) -> None:
    with Elasticsearch(server.url) as client:
        assert bulk(client, ({"_index": "web", "message": line} for line in found)) == (len(found), [])


def dead(server: Served) -> list[str]:
    return [json.loads(line)["record"] for line in server.dead.read_text().splitlines()]


def test_one_command_puts_a_forwarders_dead_letters_through_and_each_line_is_stored_once(tmp_path: Path) -> None:
    good, ends = lines(200), closing_lines([25, 29, 30])
    with served(tmp_path / "served", bulk=True) as server:
        deliver(server, [*good, *ODD, *ends[:2]])
        until(lambda: server.ended() >= len(good) + len(ODD) + 1, "all have ended", server.said)
        before = server.dead.read_bytes()
        said = replay(server, 1)
        assert "stop the server of the forwarder web before its dead letters are replayed" in said
        assert len(said.strip().splitlines()) == 1
        assert server.dead.read_bytes() == before
        server.stop()
        assert "read 200 = scored 0 + filtered 0 + dead-lettered 200" in replay(server, 4)
        assert sorted(dead(server)) == sorted(ODD)
        mend(server)
        said = replay(server, 0)
        assert "read 200 = scored 200 + filtered 0 + dead-lettered 0" in said
        assert "0 lines are left in" in said
        assert "read 0 = scored 0" in replay(server, 0)
        server.start()
        deliver(server, ends[2:])
        until(lambda: server.ended() >= 1, "the server goes on", server.said)
        server.stop()
        times = server.scored()
    assert times == Counter([*good, *ODD, *ends[:2]])


def test_a_server_killed_among_its_dead_letters_loses_none_and_doubles_none(tmp_path: Path) -> None:
    """Whatever the kill left of a record, a letter or its place in the spool or both, it is stored once."""
    good, ends = lines(3000), closing_lines()
    mixed = [line for at, line in enumerate(good) for line in ((line, ODD[at // 15]) if at % 15 == 0 else (line,))]
    with served(tmp_path / "served", bulk=True) as server:
        deliver(server, mixed)
        until(lambda: server.dead.exists() and server.dead.stat().st_size > 0, "letters are written", server.said)
        server.kill()
        at_the_kill = dead(server)
        assert 0 < len(at_the_kill) <= len(ODD)
        mend(server)
        said = replay(server, 0)
        left = dead(server)
        assert ("the server has not finished with their records" in said) == bool(left)
        server.start()
        deliver(server, ends)
        until(lambda: server.counted('logsentry_forward_open_records{forward="web"}') == 1, "all is scored", server.said)
        server.stop()
        assert dead(server) == []
        times = server.scored()
    assert times == Counter([*mixed, ends[0]])
