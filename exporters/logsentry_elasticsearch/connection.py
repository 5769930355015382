"""How a cluster is reached: addresses, credentials, certificates, and one request at a time.

It speaks plain HTTP with `elastic_transport` rather than through the `Elasticsearch` client, which refuses clusters of another
major version and OpenSearch; what is used here is alike in all of them. Nothing here tries again: what an answer means for the
items of a batch is decided by whoever asked (`outcomes.py`), how long to wait by the pipeline.
"""

from __future__ import annotations

import os
import warnings
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import elastic_transport
import msgspec
import orjson
from elastic_transport import HttpHeaders, NodeConfig, NodePool, Urllib3HttpNode

from logsentry.sdk import Secret, Unavailable, UsageError, server_url
from logsentry_elasticsearch.advice import VARIABLE, on_certificate, on_status


class Connection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the cluster is and who asks. An exporter's or input's `Config` inherits these options.

    `url` may be several addresses with commas between; without one, `cloud_id` says where. `api_key` is the encoded form or
    `id:key`; else there are `username` and `password`. Certificates are verified against the system's authorities or `ca_file`, or
    pinned by the SHA-256 `fingerprint` of the certificate or its authority; `insecure` turns that off and says so at each start.
    `timeout` is in seconds, for one request. `compress` packs requests with gzip, which costs more than it saves on a fast network.
    """

    url: str = ""
    cloud_id: str = ""
    api_key: Secret | None = None
    username: str = ""
    password: Secret | None = None
    ca_file: str = ""
    fingerprint: str = ""
    insecure: bool = False
    timeout: float = 60.0
    compress: bool = False

    def check(self) -> None:
        """Raises `UsageError` where the options contradict each other, or an address is none."""
        config = _completed(self)
        _urls(config)
        _authorization(config)


class Answer(msgspec.Struct, frozen=True):
    """A status, the bytes that came with it, and what a person can do about it."""

    status: int
    body: bytes
    advice: str = ""

    def json(self) -> Any:
        """Raises `Unavailable` where the body is no JSON: something between here and the cluster answered in its place."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Unavailable(f"Elasticsearch's answer (status {self.status}) is no JSON; is a proxy in between?") from error

    def reason(self) -> str:
        """What the cluster says is wrong, in its own words, and never more than 500 characters of them; then the advice."""
        try:
            error = orjson.loads(self.body).get("error", {})
        except (orjson.JSONDecodeError, AttributeError):
            return f"status {self.status}{self.advice}"
        said = f"{error.get('type', '')}: {error.get('reason', '')}" if isinstance(error, dict) else str(error)
        return f"status {self.status}, {said}"[:500] + self.advice


class Broken(Unavailable):
    """The request did not come back whole. Whether the cluster did what was asked is not known, unless `sent` is False."""

    def __init__(self, reason: str, sent: bool = True) -> None:
        super().__init__(reason)
        self.sent = sent


class Untrusted(Unavailable):
    """The other end could not prove who it is; nothing was sent to it."""


class Cluster:
    """A connection that is open. Threads may share it."""

    def __init__(self, config: Connection) -> None:
        """Raises `UsageError` where the options contradict each other; no connection is made yet."""
        config = _completed(config)
        urls = _urls(config)
        self.named = ", ".join(urls)
        """The addresses as they may be printed."""
        self._headers = {"accept": "application/json", **_authorization(config)}
        self._secrets = [secret for secret in _secrets(config, self._headers) if secret]
        self._nodes = NodePool([_node(url, config) for url in urls], Urllib3HttpNode)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """One request, whatever its status; redirections are not followed, since they would be given the credentials.

        Raises `Broken` where no whole answer came, and `Untrusted` where the certificate is not to be trusted.
        """
        target = f"{path}?{urlencode(params)}" if params else path
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        headers = self._headers if data is None else {**self._headers, "content-type": content_type}
        node = self._nodes.get()
        try:
            found = node.perform_request(method, target, body=data, headers=HttpHeaders(headers))
        except elastic_transport.TlsError as error:
            why = _why(error)
            raise Untrusted(f"the certificate of {self.named} is not to be trusted: {why}{on_certificate(why)}") from error
        except elastic_transport.ConnectionTimeout as error:
            self._nodes.mark_dead(node)
            raise Broken(f"{self.named} did not answer in time") from error
        except elastic_transport.TransportError as error:
            self._nodes.mark_dead(node)
            raise Broken(f"{self.named} cannot be reached: {_why(error)}", sent=not _refused(error)) from error
        self._nodes.mark_live(node)
        status = found.meta.status
        body = found.body if status < 400 else self._blanked(found.body)
        return Answer(status, body, on_status(status, "authorization" in self._headers))

    def _blanked(self, body: bytes) -> bytes:
        """What went wrong is quoted in logs and dead letters, and a server or a proxy may quote what it was sent."""
        for secret in self._secrets:
            body = body.replace(secret, b"***")
        return body

    def close(self) -> None:
        for node in self._nodes.all():
            node.close()


def _completed(config: Connection) -> Connection:
    """Options that were left out, from the environment; credentials that are given are not mixed with others from there."""
    given = {
        name: os.environ.get(VARIABLE + name.upper(), "")
        for name in ("api_key", "username", "password", "ca_file", "fingerprint")
    }
    found: dict[str, Any] = {
        name: given[name] for name in ("ca_file", "fingerprint") if given[name] and not getattr(config, name)
    }
    if config.api_key is None and not config.username:
        if given["api_key"]:
            found["api_key"] = Secret(given["api_key"])
        elif given["username"]:
            found |= {"username": given["username"], "password": Secret(given["password"])}
    return msgspec.structs.replace(config, **found)


def _urls(config: Connection) -> list[str]:
    if bool(config.url) == bool(config.cloud_id):
        raise UsageError("say where Elasticsearch is with either url or cloud_id")
    if config.cloud_id:
        return [_of_cloud(config.cloud_id)]
    instead = f"give username and password, or {VARIABLE}USERNAME and {VARIABLE}PASSWORD, or an API key"
    return [server_url(url.strip(), "Elasticsearch", instead, "https://host:9200") for url in config.url.split(",")]


def _of_cloud(cloud_id: str) -> str:
    """`name:base64(domain[:port]$elasticsearch-id$kibana-id)`, as Elastic Cloud shows it."""
    try:
        domain, cluster, *_ = b64decode(cloud_id.partition(":")[2], validate=True).decode().split("$")
    except (NotBase64, UnicodeDecodeError, ValueError) as error:
        raise UsageError("the cloud_id is not as Elastic Cloud shows it (name:letters)") from error
    host, _, port = domain.partition(":")
    return f"https://{cluster}.{host}:{port or 443}"


def _authorization(config: Connection) -> dict[str, str]:
    if config.api_key is not None and config.username:
        raise UsageError("give Elasticsearch either an api_key or a username, not both")
    if config.api_key is not None:
        key = config.api_key.reveal().strip()
        return {"authorization": f"ApiKey {b64encode(key.encode()).decode() if ':' in key else key}"}
    if config.username:
        password = config.password.reveal() if config.password else ""
        return {"authorization": f"Basic {b64encode(f'{config.username}:{password}'.encode()).decode()}"}
    return {}


def _secrets(config: Connection, headers: Mapping[str, str]) -> list[bytes]:
    """Everything that was sent to prove who asks, the longest first, so that none is left in half."""
    given = [config.api_key.reveal().strip() if config.api_key else "", config.password.reveal() if config.password else ""]
    parts = [*given, given[0].partition(":")[2], headers.get("authorization", "").partition(" ")[2]]
    return sorted({part.encode() for part in parts}, key=len, reverse=True)


def _node(url: str, config: Connection) -> NodeConfig:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    if config.insecure and secure:
        warnings.warn(f"the certificate of {url} is not verified (insecure: true)", UserWarning, stacklevel=2)
    return NodeConfig(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or (443 if secure else 9200),
        path_prefix=parts.path,
        request_timeout=config.timeout,
        http_compress=config.compress,
        verify_certs=not config.insecure if secure else None,
        ca_certs=config.ca_file or None if secure else None,
        ssl_assert_fingerprint=config.fingerprint or None if secure else None,
        ssl_show_warn=False,
    )


def _refused(error: elastic_transport.TransportError) -> bool:
    """Whether the connection was never made, so that nothing can have been done."""
    return "Failed to establish a new connection" in str(error) or "NewConnectionError" in str(error)


def _why(error: elastic_transport.TransportError) -> str:
    return str(error.message)[:300]
