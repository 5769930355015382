"""Traces: what a collector receives of real requests, over OTLP, and that nothing is imported where nobody asked."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from services.model_server import NAME, serving, store_in
from services.scripted import Reply, Scripted, scripted

from logsentry.errors import MissingExtra
from logsentry.server.tracing import Tracing, wanted

needs_sdk = pytest.mark.skipif(find_spec("opentelemetry") is None, reason="OpenTelemetry is not installed (the extra otel)")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_it_is_asked_for_as_everywhere() -> None:
    assert not wanted({})
    assert not wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": ""})
    assert wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    assert wanted({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"})
    assert not wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "True"})


def test_the_server_imports_nothing_of_it_unasked() -> None:
    code = "import sys, logsentry.server.app; print(any(name.startswith('opentelemetry') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_it_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtra, match=r"logsentry\[otel\]"):
        Tracing()


def spans_of(collector: Scripted) -> list[Any]:
    from importlib import import_module

    kind = import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2").ExportTraceServiceRequest
    return [
        (resource.resource, span)
        for asked in collector.asked
        if asked.path == "/v1/traces"
        for resource in kind.FromString(asked.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def told(attributes: Any) -> dict[str, object]:
    return {each.key: each.value.string_value or each.value.int_value for each in attributes}


@needs_sdk
def test_a_collector_hears_of_each_request_and_of_the_trace_it_belongs_to(tmp_path: Path) -> None:
    store_in(tmp_path, 1)
    with scripted(Reply(body=b"")) as collector:
        with serving(tmp_path, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) as server:
            parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            server.ask("POST", "/v1/score/http-access", b"", parent)
            server.ask("GET", "/readyz")
            server.ask("GET", f"/v2/models/{NAME}-secret-path/x?token=y")
            assert server.stop() == 0, "what waits is sent before it ends"
        spans = spans_of(collector)
    by_name = {span.name: span for _, span in spans}
    assert set(by_name) == {"POST /v1/score/{source}", "GET"}
    scored = by_name["POST /v1/score/{source}"]
    assert (scored.trace_id.hex(), scored.parent_span_id.hex()) == (TRACE, PARENT)
    assert told(scored.attributes) == {
        "http.request.method": "POST", "url.scheme": "http", "http.response.status_code": 200, "http.route": "/v1/score/{source}",
        "logsentry.source": "http-access",
    }  # fmt: skip
    assert told(spans[0][0].attributes)["service.name"] == "logsentry"
    assert "secret-path" not in str(spans)


@needs_sdk
def test_a_collector_that_is_not_there_costs_no_request(tmp_path: Path) -> None:
    store_in(tmp_path, 1)
    with scripted(Reply()) as gone:
        url = gone.url
    with serving(tmp_path, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}) as server:
        began = time.monotonic()
        assert server.ask("POST", "/v1/score/http-access", b"").status == 200
        assert time.monotonic() - began < 5
        assert server.stop() == 0
        assert all(isinstance(line, dict) for line in server.lines())
