"""Who may do what: closed by default, tokens by role, compared in constant time.

Without a token file the server answers to this machine alone (loopback), and to everybody on it; with one, every request but the
health checks needs `Authorization: Bearer TOKEN` (or, for forwarders, the token where their protocol carries it). A role may do what
the ones before it may: `read` sees models and metrics, `score` also scores and delivers logs, `admin` also loads and unloads.
"""

from __future__ import annotations

import hmac
import os
import stat
from base64 import b64decode
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, get_args

from logsentry.errors import UsageError

Role = Literal["read", "score", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
LEAST = 16
"""Characters of a token: fewer can be guessed."""

VARIABLES: dict[str, Role] = {
    "LOGSENTRY_READ_TOKEN": "read",
    "LOGSENTRY_SCORE_TOKEN": "score",
    "LOGSENTRY_ADMIN_TOKEN": "admin",
}


class Access:
    """Tokens and their roles; without any, everybody who can connect is admin."""

    def __init__(self, tokens: Mapping[str, Role]) -> None:
        self._tokens = tuple((token.encode(), role) for token, role in tokens.items())

    @property
    def open(self) -> bool:
        return not self._tokens

    def role_of(self, authorization: str | None) -> Role | None:
        """The role of an Authorization header: `Bearer`, `Splunk` and `ApiKey` carry a token, `Basic` has it as the password."""
        if self.open:
            return "admin"
        scheme, _, given = (authorization or "").strip().partition(" ")
        return self._role(_token(scheme.lower(), given.strip()))

    def _role(self, token: bytes) -> Role | None:
        """Every token is compared, however early one fits, so that the time tells nothing."""
        found: Role | None = None
        for known, role in self._tokens:
            if hmac.compare_digest(known, token):
                found = role
        return found

    def allows(self, authorization: str | None, needed: Role) -> bool | None:
        """None where the token is not known at all."""
        role = self.role_of(authorization)
        return None if role is None else ROLES.index(role) >= ROLES.index(needed)


def _token(scheme: str, given: str) -> bytes:
    sent = given.encode("latin-1", "replace")  # a header is bytes, and is read as Latin-1
    if scheme in ("bearer", "splunk"):
        return sent
    if scheme in ("basic", "apikey"):
        try:
            decoded = b64decode(sent, validate=True)
        except ValueError:  # ApiKey may carry a token as it is
            return sent
        return decoded.partition(b":")[2] or sent
    return b""


def read_tokens(file: Path | None, environment: Mapping[str, str] = os.environ) -> Access:
    """Tokens of the environment and of a file with lines `role token`.

    Raises `UsageError` for a file that others may read, an unknown role, or a token so short that it could be guessed; none is printed.
    """
    tokens: dict[str, Role] = {environment[name]: role for name, role in VARIABLES.items() if environment.get(name)}
    if file is not None:
        tokens |= _of_file(file)
    if any(len(token) < LEAST for token in tokens):
        raise UsageError(
            f"a token has fewer than {LEAST} characters and could be guessed; `openssl rand -hex 24` makes a good one"
        )
    return Access(tokens)


def _of_file(path: Path) -> dict[str, Role]:
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"others on this machine may read or change the tokens in {path}; chmod 600 it")
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the tokens cannot be read from {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        ) from error
    found: dict[str, Role] = {}
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        role = next((role for role in ROLES if role == parts[0]), None)
        if role is None or len(parts) != 2:
            raise UsageError(f"{path}, line {number}: write `role token`, the role one of {', '.join(ROLES)}")
        if parts[1] in found:
            raise UsageError(f"{path}, line {number}: this token stands there before; give each role one of its own")
        found[parts[1]] = role
    if not found:
        raise UsageError(f"{path} holds no token")
    return found


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this machine and nothing else."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_open(host: str, access: Access, mutual: bool) -> None:
    """Raises `UsageError` where the server would be open to other machines."""
    if not is_loopback(host) and access.open and not mutual:
        raise UsageError(
            f"on {host} other machines could use this server; give --tokens FILE (or set {', '.join(VARIABLES)}), or stay on 127.0.0.1"
        )
