"""One request to a server, asked again where that helps, within a deadline.

It helps where the server is busy (429, 503 and the like; `Retry-After` is kept) and where a connection broke. What is asked, and what
an answer means, is left to `client`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
import orjson
import urllib3

from logsentry.errors import BundleRefused, InputError, LogsentryError, Unavailable, UsageError
from logsentry.schema.secret import Secret
from logsentry.schema.server_url import server_url

PORT = 8642
CONNECT_SECONDS = 10.0
STRANGER_SECONDS = 10.0
"""How long a server is looked for that has not answered yet: more often its address is wrong than it is just starting."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
"""Seconds between two tries grow from one to the other, and are drawn at random below that, so that clients do not come back together."""

LONGEST_AFTER = 86_400
"""Seconds; longer than any deadline."""

BUSY = (429, 502, 503, 504)
MEANING: dict[int, type[LogsentryError]] = {
    400: UsageError, 401: UsageError, 403: UsageError, 404: UsageError, 405: UsageError, 409: BundleRefused, 413: InputError,
    415: InputError,
}  # fmt: skip
"""What a refusal asks of the caller; any other status is a failure of the server."""


class Connection(msgspec.Struct, frozen=True):
    """Where the server is and who asks. Certificates are verified against the system's authorities or `ca_file`; `certificate` and
    `key` are this client's own, for a server that asks for one. `seconds` is how long one request may take, all its tries together."""

    server: str = f"http://127.0.0.1:{PORT}"
    token: Secret | None = None
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    seconds: float = 120.0
    compress: bool = False

    @property
    def exposed(self) -> bool:
        """A token would cross a network that anybody may listen to."""
        parts = urlsplit(self.server)
        return self.token is not None and parts.scheme == "http" and not _loopback(parts.hostname or "")


class Busy(Unavailable):
    """Ask again, in `after` seconds at the soonest."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


class Asking:
    """An address and how it is reached. `notice` hears why it waits, once for each reason."""

    def __init__(self, connection: Connection, notice: Callable[[str], None]) -> None:
        """Raises `UsageError` for an address that is none, and for certificates that cannot be used."""
        self._to, self._notice, self._met = connection, notice, False
        self.at = server_url(connection.server, "a server", "set LOGSENTRY_TOKEN", f"http://127.0.0.1:{PORT}")
        self._headers = {"accept": "application/json"}
        if connection.token is not None:
            self._headers["authorization"] = f"Bearer {connection.token.reveal()}"
        try:
            self._pool = _pool(connection, self.at)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError(f"the certificate, its key or the authority cannot be used: {error.strerror or error}") from error

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of the answer. Raises as `Client` says."""
        began, pause, told = time.monotonic(), FIRST_PAUSE, ""
        while True:
            left = began + self._to.seconds - time.monotonic()
            try:
                return self._once(method, path, body, {**self._headers, **(headers or {})}, left)
            except Busy as busy:
                most = self._to.seconds if self._met else min(self._to.seconds, STRANGER_SECONDS)
                wait = busy.after + random.uniform(0, pause)
                if time.monotonic() + wait >= began + most:
                    raise Unavailable(f"{busy}; gave up after {most:g} seconds") from busy
                if str(busy) != told:
                    told = str(busy)
                    self._notice(f"{told}; asking again")
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _once(self, method: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> bytes:
        """Redirections are not followed, since they would be given the token."""
        timeout = urllib3.Timeout(total=max(seconds, 0.001), connect=min(CONNECT_SECONDS, max(seconds, 0.001)))
        try:
            found = self._pool.request(
                method, self.at + path, body=body, headers=dict(headers), timeout=timeout, retries=False, redirect=False
            )
        except urllib3.exceptions.SSLError as error:
            raise Unavailable(f"the connection to {self.at} is not to be trusted: {str(error)[:300]}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Busy(f"{self.at} cannot be reached: {_why(error)}") from error
        self._met = True
        if found.status in BUSY:
            raise Busy(f"{self.at} is busy: {_said(found.data, found.status)}", _after(found.headers.get("retry-after")))
        if found.status != 200:
            kind = MEANING.get(found.status, LogsentryError)
            raise kind(f"{self.at} refused: {_said(found.data, found.status)}")
        return found.data

    def close(self) -> None:
        self._pool.clear()


def _pool(to: Connection, at: str) -> urllib3.PoolManager:
    if at.startswith("http:"):
        return urllib3.PoolManager()
    context = urllib3.util.create_urllib3_context()
    context.load_verify_locations(to.ca_file) if to.ca_file else context.load_default_certs()
    if to.certificate:
        context.load_cert_chain(to.certificate, to.key or None)
    return urllib3.PoolManager(ssl_context=context, cert_reqs="CERT_REQUIRED")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _after(header: str | None) -> float:
    """Seconds of a Retry-After header, which is a number or a date (RFC 9110, section 10.2.3); what cannot be read asks for none."""
    try:
        return float(min(urllib3.Retry().parse_retry_after(header), LONGEST_AFTER)) if header else 0.0
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return 0.0


def _said(body: bytes, status: int) -> str:
    try:
        return str(orjson.loads(body)["error"])[:500]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"status {status}"


def _why(error: Exception) -> str:
    return str(error).rpartition(": ")[2][:300] or type(error).__name__
