"""One forwarder for each configuration, each with a name, a state and a spool that nobody else has."""

from __future__ import annotations

from pathlib import Path

import pytest
from services.forwarders import configured

from logsentry.errors import LogsentryError, Unavailable, UsageError
from logsentry.server.forward.forwarder import Forwarder, opened


def test_two_servers_on_one_forwarder_and_one_name_twice_are_refused(tmp_path: Path) -> None:
    web, other = configured(tmp_path), configured(tmp_path, "other")
    with pytest.raises(UsageError, match="two configurations listen as 'web'"):
        opened([web, other, web])
    held = opened([web])
    with pytest.raises(Unavailable, match="uses the state folder"):
        opened([other, web])
    found: list[Forwarder] = opened([other])
    for forwarder in (*held, *found):
        forwarder.abandon()


def test_what_is_refused_leaves_nothing_open(tmp_path: Path) -> None:
    """Whichever part it is, the state and the spool can be had again, and nothing was made that is in the way."""
    web = configured(tmp_path)
    whole = web.read_text()
    for name, value in (("name: demo", "name: none"), ("web.duckdb", "no/such/folder/web.duckdb")):
        web.write_text(whole.replace(name, value))
        with pytest.raises(LogsentryError):
            opened([web])
    (tmp_path / "spool-web").write_bytes(b"")
    web.write_text(whole)
    with pytest.raises(UsageError, match="cannot keep a spool"):
        opened([web])
    (tmp_path / "spool-web").unlink()
    opened([web])[0].abandon()
