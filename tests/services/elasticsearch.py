"""Where the tests find an Elasticsearch: one that the environment names, else a node of their own.

`open_node` is without security, as most tests want it. `secured_node` has TLS with a certificate of the tests' own authority, and
one user for each right that an operator would give.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import pbkdf2_hmac
from pathlib import Path

import msgspec
from logsentry_elasticsearch.names import Names
from logsentry_elasticsearch.roles import reader, writer
from services.certificates import Authority, fingerprint
from services.download import fetched
from services.node import SHORT_LIVED, Node

GIVEN = "LOGSENTRY_TEST_ES_URL"
PASSWORD = "a-password-of-the-tests"
"""Of every user, since what is tested is what each may do."""

ROLES = {"test_writer": writer(Names()), "test_reader": reader(["weblogs*"]), "test_nothing": {"cluster": []}}
"""What `logsentry elastic setup` would give, so that what is tested is that it suffices."""

USERS = {
    "admin": "superuser",
    "writer": "test_writer",
    "reader": "test_reader",
    "job": "test_writer,test_reader",
    "stranger": "test_nothing",
}


class Secured(msgspec.Struct, frozen=True):
    """A node with security: its address, its authority's certificate, and the fingerprint of its own."""

    url: str
    authority: Path
    fingerprint: str
    users: tuple[str, ...] = tuple(USERS)
    password: str = PASSWORD

    def authorization(self, user: str = "admin") -> str:
        return f"Basic {b64encode(f'{user}:{self.password}'.encode()).decode()}"


@contextmanager
def open_node(java: str = "") -> Iterator[str]:
    """The address; `java` are options for the node's JVM. Raises `Unavailable` where none is given and none can be started."""
    if given := os.environ.get(GIVEN):
        yield given.rstrip("/")
        return
    node = Node(fetched(), {}, java)
    try:
        yield node.start()
    finally:
        node.close()


@contextmanager
def secured_node(folder: Path) -> Iterator[Secured]:
    """A node of the tests' own; the certificates are kept in `folder`. Raises `Unavailable` where none can be started."""
    archive, authority = fetched(), Authority(folder)
    certificate, key = authority.sign("node")
    node = Node(archive, {"xpack.security.enabled": "true", **_tls("http")}, SHORT_LIVED)
    try:
        config = node.home / "config"
        (config / "node.pem").write_bytes(certificate.read_bytes())
        (config / "node.key").write_bytes(key.read_bytes())
        (config / "roles.yml").write_text("".join(f"{name}: {json.dumps(role)}\n" for name, role in ROLES.items()))
        (config / "users").write_text("".join(f"{user}:{_hashed(PASSWORD)}\n" for user in USERS))
        (config / "users_roles").write_text("".join(f"{role}:{users}\n" for role, users in _holders().items()))
        found = Secured("", authority.path, fingerprint(certificate))
        url = node.start(authority=authority.path, authorization=found.authorization())
        yield msgspec.structs.replace(found, url=url)
    finally:
        node.close()


def _holders() -> dict[str, str]:
    """{role: users with commas between}, as the file `users_roles` wants it."""
    roles = {role for held in USERS.values() for role in held.split(",")}
    return {role: ",".join(user for user, held in USERS.items() if role in held.split(",")) for role in sorted(roles)}


def _hashed(password: str) -> str:
    """What `elasticsearch-users` would write, at 5 s less a user; few rounds, as the password is no secret."""
    salt, rounds = b"logsentry" * 3 + b"tests", 1000
    digest = pbkdf2_hmac("sha512", password.encode(), salt, rounds, 32)
    return f"{{PBKDF2}}{rounds}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def _tls(what: str) -> dict[str, str]:
    start = f"xpack.security.{what}.ssl"
    return {f"{start}.enabled": "true", f"{start}.certificate": "node.pem", f"{start}.key": "node.key"}
