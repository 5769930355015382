"""The roles that the setup makes, on a real Elasticsearch with security: each does its work, and nothing beyond it.

The node has no REST for roles, so they are given to it as the file that it reads at its start.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch.names import Names
from logsentry_elasticsearch.offer import Wishes
from logsentry_elasticsearch.roles import roles
from logsentry_elasticsearch.rollover import Earlier
from logsentry_elasticsearch.setup import run
from services.download import fetched
from services.elasticsearch import PASSWORD, _hashed
from services.node import Node

from logsentry.errors import Unavailable
from logsentry.sdk import Secret

pytestmark = pytest.mark.soak

USERS = {"admin": "superuser", **{who: f"logsentry_{who}" for who in ("setup", "writer", "reader", "updater")}}
DOCUMENT = {"@timestamp": "2026-11-22T00:00:00Z"}
Asking = Callable[..., int]


@pytest.fixture(scope="module")
def clusters() -> Iterator[dict[str, Cluster]]:
    """One connection a user; the streams' templates are made by the user `setup`."""
    made = {name: {key: body[key] for key in ("cluster", "indices")} for name, body in roles(Names(), ["weblogs*"]).items()}
    node = Node(fetched(), {"xpack.security.enabled": "true"})
    try:
        config = node.home / "config"
        (config / "roles.yml").write_text(yaml.safe_dump(made))
        (config / "users").write_text("".join(f"{user}:{_hashed(PASSWORD)}\n" for user in USERS))
        (config / "users_roles").write_text("".join(f"{role}:{user}\n" for user, role in USERS.items()))
        url = node.start(authorization=f"Basic {b64encode(f'admin:{PASSWORD}'.encode()).decode()}")
        yield {user: Cluster(Connection(url=url, username=user, password=Secret(PASSWORD))) for user in USERS}
    finally:
        node.close()


@pytest.fixture
def status(clusters: dict[str, Cluster]) -> Asking:
    def ask(user: str, method: str, path: str, body: Any = None) -> int:
        return clusters[user].request(method, path, body).status

    return ask


def test_the_installer_makes_all_that_the_node_offers(clusters: dict[str, Cluster]) -> None:
    assert {finding.state for finding in run(clusters["setup"], Wishes(), dry=False)} <= {"made", "equal", "left out"}
    with pytest.raises(Unavailable, match="unauthorized for user"):
        list(run(clusters["reader"], Wishes(), dry=False))


def test_the_writer_adds_and_asks_and_cannot_do_more(clusters: dict[str, Cluster], status: Asking) -> None:
    list(run(clusters["setup"], Wishes(), dry=False))
    stream = "logs-logsentry.scores-x"
    assert status("writer", "PUT", f"/{stream}/_create/1", DOCUMENT) == 201
    assert status("writer", "PUT", f"/{stream}/_create/1", DOCUMENT) == 409
    assert status("admin", "POST", f"/{stream}/_rollover") == 200
    assert Earlier(clusters["writer"]).there(stream, ["1", "2"]) == {"1"}
    assert status("writer", "DELETE", f"/{stream}/_doc/1") == 403
    assert status("writer", "PUT", "/logs-other-x/_create/1", DOCUMENT) == 403
    assert status("writer", "GET", "/weblogs/_search") == 403


def test_the_reader_reads_its_sources_and_the_updater_writes_into_them(clusters: dict[str, Cluster], status: Asking) -> None:
    assert status("admin", "PUT", "/weblogs-1/_doc/1?refresh=true", DOCUMENT) in (200, 201)
    view = clusters["reader"].request("POST", "/weblogs-*/_pit?keep_alive=1m").json()["id"]
    assert status("reader", "POST", "/_search", {"pit": {"id": view}, "size": 1}) == 200
    assert status("reader", "DELETE", "/_pit", {"id": view}) == 200
    assert status("reader", "GET", "/weblogs-*/_field_caps?fields=*&include_unmapped=true") == 200
    assert status("reader", "PUT", "/weblogs-1/_doc/2", DOCUMENT) == 403
    assert status("updater", "POST", "/weblogs-1/_update/1", {"doc": {"logsentry": {"value": 1}}}) == 200
    assert status("updater", "POST", "/_mget", {"docs": [{"_index": "weblogs-1", "_id": "1"}]}) == 200
    assert status("updater", "DELETE", "/weblogs-1/_doc/1") == 403
