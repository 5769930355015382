"""From options to a running server: what `logsentry serve` calls.

Kept apart from the application so that tests can run the application without a socket, and so that uvicorn is imported when it serves.
"""

from __future__ import annotations

import logging
import signal
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvicorn

from logsentry.errors import Unavailable, UsageError
from logsentry.server import systemd
from logsentry.server.access import Access, refuse_open
from logsentry.server.app import Settings, application
from logsentry.server.ecs_logs import fields
from logsentry.server.models import Models
from logsentry.server.slow_clients import protocol
from logsentry.server.syslog.listener import SyslogListener

GRACE_SECONDS = 30
"""For requests that are under way when the server is told to stop."""

LOG = logging.getLogger("logsentry.server")


class Listening(msgspec.Struct, frozen=True):
    """Where the server listens; port 0 is any that is free. `client_ca` lets in only clients with a certificate of that authority."""

    host: str = "127.0.0.1"
    port: int = 8642
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None


def serve(settings: Settings, access: Access, listening: Listening) -> None:
    """Serve until SIGTERM or SIGINT; what is under way is answered first.

    Raises `UsageError` where the options would leave the server open to others or do not fit, `Unavailable` where it cannot listen, and
    what `Models.begin` raises.
    """
    if (listening.certificate is None) != (listening.key is None) or (listening.client_ca and not listening.certificate):
        raise UsageError("TLS needs a certificate and its key; a client authority needs both as well")
    refuse_open(listening.host, access, mutual=listening.client_ca is not None)
    if not settings.store.is_dir():
        raise UsageError(f"there is no store {settings.store}; `logsentry train` makes one")
    app = application(settings, access)
    server = Announced(_config(app, settings, listening), app.state.models, app.state.syslog)
    # uvicorn raises the signal again when it has ended in order; that is exit code 0 here
    before = signal.signal(signal.SIGTERM, lambda *_: setattr(server, "should_exit", True))
    try:
        server.run()
    except SystemExit as error:  # uvicorn's word for a port that is taken
        raise Unavailable(f"cannot listen on {listening.host}:{listening.port}; is something else there?") from error
    finally:
        signal.signal(signal.SIGTERM, before)
    LOG.info("stopped")


class Announced(uvicorn.Server):
    """Opens the models before it listens, and then says where."""

    def __init__(self, config: uvicorn.Config, models: Models, syslog: Sequence[SyslogListener] = ()) -> None:
        super().__init__(config)
        self._models, self._syslog = models, syslog

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._models.begin()
        if not self._models.names():
            LOG.warning("the store %s names no model yet; the first one is served as soon as it is there", self._models.store)
        for listening in self._syslog:
            await listening.start()
        await super().startup(sockets)
        for listener in self.servers:
            for each in listener.sockets:
                host, port = each.getsockname()[:2]
                scheme = "https" if self.config.is_ssl else "http"
                shown = f"[{host}]" if ":" in host else host
                LOG.info("serving on %s://%s:%d", scheme, shown, port, extra=fields(server__address=host, server__port=port))
        systemd.tell("READY=1")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        systemd.tell("STOPPING=1")
        await super().shutdown(sockets)


def _config(app: object, settings: Settings, listening: Listening) -> uvicorn.Config:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=listening.host,
        port=listening.port,
        http=protocol(settings.limits.header_seconds),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=settings.limits.connections,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.key,
        ssl_ca_certs=None if listening.client_ca is None else str(listening.client_ca),
        ssl_cert_reqs=ssl.CERT_REQUIRED if listening.client_ca else ssl.CERT_NONE,
        ws="none",
        lifespan="on",
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"the certificate, its key or the client authority cannot be used: {error.strerror or error}") from error
    return config
