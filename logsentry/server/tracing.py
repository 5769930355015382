"""Traces for OpenTelemetry: a span for each request, joined to the trace of its client. Off, and nothing imported, unless asked for.

It is asked for as OpenTelemetry's own variables do: `OTEL_EXPORTER_OTLP_ENDPOINT`, or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, names the
collector, and `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME` and the others mean what they mean everywhere. Names are those of its semantic
conventions for HTTP servers (version 1.23 and later). A collector that does not answer costs spans, never requests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from logsentry import __version__
from logsentry.errors import MissingExtra
from logsentry.server.answered import Message, Noting

ASKED_FOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
UNTOLD = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics"})
"""Asked every few seconds by machines; spans of these would drown the others."""


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not disabled and any(environment.get(name) for name in ASKED_FOR)


class Tracing:
    """The provider of spans and what sends them, over OTLP in HTTP; one for a server.

    Raises `MissingExtra` where OpenTelemetry is not installed.
    """

    def __init__(self) -> None:
        try:
            self._trace, self._propagate = import_module("opentelemetry.trace"), import_module("opentelemetry.propagate")
            sdk, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
            resources = import_module("opentelemetry.sdk.resources")
            otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        except ModuleNotFoundError as error:
            raise MissingExtra(f"traces need {error.name}: pip install 'logsentry[otel]'") from error
        about = {"service.version": __version__} | ({} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "logsentry"})
        self._provider = sdk.TracerProvider(resource=resources.Resource.create(about))
        self._provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("logsentry.server", __version__)

    @contextmanager
    def request(self, scope: Message) -> Iterator[Callable[[int], None]]:
        """A span around one request, begun where the client's ended; gives what to call with the status of the answer."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        kind, parent = self._trace.SpanKind.SERVER, self._propagate.extract(headers)
        told = {"http.request.method": scope["method"], "url.scheme": scope["scheme"]}
        with self._tracer.start_as_current_span(scope["method"], parent, kind, told) as span:
            yield lambda status: self._ended(span, scope, status)

    def _ended(self, span: Any, scope: Message, status: int) -> None:
        """Named by its route, which is known by now: a path may hold anything, and would make a name of its own each time."""
        route = getattr(scope.get("route"), "path", "")
        span.set_attribute("http.response.status_code", status)
        if route:
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.route", route)
        for name in ("model", "source"):
            if value := scope.get("path_params", {}).get(name):
                span.set_attribute(f"logsentry.{name}", value[:80])
        if status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


class Traced:
    """The application with a span around each request."""

    def __init__(self, app: Any, tracing: Tracing) -> None:
        self._app, self._tracing = app, tracing

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in UNTOLD:
            await self._app(scope, receive, send)
            return
        with self._tracing.request(scope) as ended:
            noting = Noting(send, 499)  # for a client that is gone before there is an answer
            try:
                await self._app(scope, receive, noting)
            finally:
                ended(noting.status)
