"""How Splunk's HTTP Event Collector (HEC) is reached: address, token, certificates, and one request at a time.

Nothing here tries again: what an answer means for the events of a batch is decided in `outcomes.py`, how long to wait by the
pipeline. The protocol is that of Splunk's pages "Format events for HTTP Event Collector" and "HTTP Event Collector indexer
acknowledgment"; it was tested against a server that keeps to those pages, not against a Splunk.
"""

from __future__ import annotations

import gzip
import os
import warnings
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import msgspec
import orjson
import urllib3

from logsentry.sdk import Secret, Unavailable, UsageError, server_url

VARIABLE = "LOGSENTRY_SPLUNK_"
"""Of options that are left out: `LOGSENTRY_SPLUNK_TOKEN`, `_CA_FILE`, `_FINGERPRINT`."""


class SplunkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the collector is, who writes, and where events go.

    `url` is the collector's own address (https://host:8088), `token` what it lets in. `index` and `host` are those of every event;
    without an `index`, the token's own. `acknowledge` waits until indexers say that they have the events: `auto` does so where the
    token offers it; `channel` is a GUID, one of its own for each process where it is left out. A request holds at most `batch`
    scores and `batch_bytes` bytes, and `compress` packs it with gzip. `timeout` is in seconds for one request, `wait` for an
    acknowledgement. Certificates are verified against the system's authorities or `ca_file`, or pinned by SHA-256 `fingerprint`;
    `insecure` turns that off and says so.
    """

    url: str
    token: Secret | None = None
    index: str = ""
    host: str = "logsentry"
    channel: str = ""
    acknowledge: Literal["auto", "on", "off"] = "auto"
    batch: int = 1000
    batch_bytes: int = 800_000
    compress: bool = True
    timeout: float = 30.0
    wait: float = 300.0
    ca_file: str = ""
    fingerprint: str = ""
    insecure: bool = False

    def check(self) -> None:
        """Raises `UsageError` where an option cannot be meant, and where there is no token."""
        _address(self.url)
        _channel(self.channel)
        _token(self)


class Answer(msgspec.Struct, frozen=True):
    """What the collector said: HTTP status, its own code and text, the first event it found bad, and an acknowledgement to ask for."""

    status: int
    code: int = -1
    text: str = ""
    bad: int | None = None
    ack: int | None = None
    acks: dict[str, bool] = {}

    def reason(self) -> str:
        """Never more than 300 characters of what the server said."""
        return f"Splunk answered status {self.status}" + (f", code {self.code}: {self.text[:200]}" if self.code >= 0 else "")


class Broken(Unavailable):
    """No whole answer came. Whether the collector has the events is not known."""


class Untrusted(Unavailable):
    """The other end could not prove who it is; nothing was sent to it."""


class Collector:
    """A connection that is open, with a channel of its own."""

    def __init__(self, config: SplunkConfig) -> None:
        """Raises `UsageError` where an option cannot be meant; no connection is made yet."""
        self._config = config
        self.named = _address(config.url)
        """The address as it may be printed."""
        self.channel = _channel(config.channel)
        self._headers = {
            "authorization": f"Splunk {_token(config)}",
            "content-type": "application/json",
            "x-splunk-request-channel": self.channel,
        }
        self._pool = _pool(config)

    def send(self, body: bytes) -> Answer:
        """Events, as concatenated JSON objects."""
        headers = self._headers
        if self._config.compress:
            body, headers = gzip.compress(body, 1), {**headers, "content-encoding": "gzip"}
        return self._asked("/services/collector/event", body, headers)

    def acknowledged(self, acks: list[int]) -> Answer:
        """Which of these the indexers have; one that is True is forgotten by the server once it was told."""
        return self._asked(f"/services/collector/ack?channel={self.channel}", orjson.dumps({"acks": acks}), self._headers)

    def _asked(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Redirections are not followed, since they would be given the token."""
        try:
            found = self._pool.request(
                "POST", self.named + path, body=body, headers=headers, timeout=self._config.timeout, retries=False, redirect=False
            )
        except urllib3.exceptions.SSLError as error:
            why = str(error)[:300]
            raise Untrusted(f"the certificate of {self.named} is not to be trusted: {why}{_advice(why)}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Broken(f"{self.named} cannot be reached: {_why(error)}") from error
        return _read(found.status, found.data)

    def close(self) -> None:
        self._pool.clear()


def _read(status: int, body: bytes) -> Answer:
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(status)
    if not isinstance(said, dict):
        return Answer(status)
    code, bad, ack, acks = (said.get(name) for name in ("code", "invalid-event-number", "ackId", "acks"))
    return Answer(
        status,
        code if isinstance(code, int) else -1,
        str(said.get("text", "")),
        bad if isinstance(bad, int) else None,
        ack if isinstance(ack, int) else None,
        {str(key): value is True for key, value in acks.items()} if isinstance(acks, dict) else {},
    )


def _address(url: str) -> str:
    """Without HEC's own path."""
    found = server_url(url, "Splunk's HTTP Event Collector", f"set {VARIABLE}TOKEN", "https://host:8088")
    return found.removesuffix("/event").removesuffix("/services/collector")


def _token(config: SplunkConfig) -> str:
    token = config.token.reveal() if config.token else os.environ.get(VARIABLE + "TOKEN", "")
    if not token:
        raise UsageError(f"Splunk wants a token: give `token` in the configuration, or set {VARIABLE}TOKEN")
    if not token.isascii() or not token.isprintable():
        raise UsageError("the token of Splunk holds a character that no token has")
    return token


def _channel(given: str) -> str:
    """A GUID, as the protocol wants it; a new one for each process, so that two never share acknowledgements."""
    if not given:
        return str(uuid4())
    try:
        return str(UUID(given))
    except ValueError as error:
        raise UsageError(f"the channel {given!r} is no GUID") from error


def _pool(config: SplunkConfig) -> urllib3.PoolManager:
    if urlsplit(config.url).scheme == "http":
        return urllib3.PoolManager()
    ca_file = config.ca_file or os.environ.get(VARIABLE + "CA_FILE", "")
    fingerprint = config.fingerprint or os.environ.get(VARIABLE + "FINGERPRINT", "")
    if config.insecure:
        warnings.warn(f"the certificate of {config.url} is not verified (insecure: true)", UserWarning, stacklevel=3)
    checked = "CERT_NONE" if config.insecure or fingerprint else "CERT_REQUIRED"  # a pinned certificate needs no authority
    return urllib3.PoolManager(cert_reqs=checked, ca_certs=ca_file or None, assert_fingerprint=fingerprint or None)


def _advice(why: str) -> str:
    """How to name the authority, where OpenSSL says that it is not known; a wrong host name or date is another matter."""
    unknown = any(word in why.lower() for word in ("issuer", "self-signed", "self signed"))
    return f"; name its authority with ca_file or {VARIABLE}CA_FILE" if unknown else ""


def _why(error: Exception) -> str:
    return str(error).rpartition(": ")[2][:300] or type(error).__name__
