"""What the server tells Prometheus: counters and gauges read when they are asked for, and how long requests took.

Names follow Prometheus's own rules (base units, `_total`); labels are model names and routes, never ids or paths of requests.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from logsentry.server.models import Models

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

COUNTED = (
    ("requests", "Requests answered by a model."),
    ("items", "Windows judged."),
    ("batches", "Batches that were run."),
    ("refused", "Requests refused because too much was waiting."),
    ("late", "Requests whose deadline passed while they waited."),
    ("failed", "Requests that a model failed on."),
)


class Measures:
    """A registry of its own, so that two servers in one process do not mix."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self.seconds = Histogram(
            "logsentry_http_request_duration_seconds",
            "From a request's first byte to its answer's last.",
            ("route", "status"),
            buckets=BUCKETS,
            registry=self._registry,
        )

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        served = [self._models.get(name) for name in self._models.names()]
        for name, help in COUNTED:
            family = CounterMetricFamily(f"logsentry_inference_{name}", help, labels=("model",))
            for each in served:
                family.add_metric([each.name], getattr(each.batcher.tally, name))
            yield family
        for name, field, help in (
            ("queue", "waited", "Seconds that requests waited before they were judged, all together."),
            ("compute", "judged", "Seconds that models were judging, all together."),
        ):
            family = CounterMetricFamily(f"logsentry_inference_{name}_seconds", help, labels=("model",))
            for each in served:
                family.add_metric([each.name], getattr(each.batcher.tally, field))
            yield family
        waiting = GaugeMetricFamily("logsentry_inference_waiting_items", "Windows that wait to be judged.", labels=("model",))
        info = GaugeMetricFamily(
            "logsentry_model_info", "1 for each bundle that serves.", labels=("model", "version", "source", "detector")
        )
        for each in served:
            manifest = each.bundle.manifest
            waiting.add_metric([each.name], each.batcher.waiting)
            info.add_metric([each.name, each.version, manifest.source, manifest.detector], 1)
        yield waiting
        yield info
        failed = GaugeMetricFamily("logsentry_models_refused", "Names whose newest bundle was refused.")
        failed.add_metric([], len(self._models.failures))
        yield failed
