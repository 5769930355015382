"""What the server tells Prometheus: counters and gauges read when they are asked for, and how long requests took.

Names follow Prometheus's own rules (base units, `_total`); labels are model names and routes, never ids or paths of requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from logsentry.server.answered import Message
from logsentry.server.forward.forwarder import Forwarder
from logsentry.server.forward.standing import Standing
from logsentry.server.models import Models
from logsentry.server.syslog import measures as syslog_measures
from logsentry.server.syslog.listener import SyslogListener

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

    def __init__(self, models: Models, forwarders: Sequence[Forwarder] = (), syslog: Sequence[SyslogListener] = ()) -> None:
        self._models, self._forwarders, self._syslog = models, forwarders, syslog
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self.seconds = Histogram(
            "logsentry_http_request_duration_seconds",
            "From a request's first byte to its answer's last.",
            ("route", "status"),
            buckets=BUCKETS,
            registry=self._registry,
        )

    def answered(self, scope: Message, status: int, seconds: float) -> None:
        """A request is over. It is counted by its route, so that no path of a client becomes a label."""
        self.seconds.labels(getattr(scope.get("route"), "path", "none"), str(status)).observe(seconds)

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
        yield from _of_forwarders([each.standing() for each in self._forwarders])
        yield from syslog_measures.families([each.standing() for each in self._syslog])


def _of_forwarders(standings: Sequence[Standing]) -> Iterator[Metric]:
    """What forwarders delivered, what became of it, and what waits."""
    received = CounterMetricFamily("logsentry_forward_received_records", "Records taken, on disk.", labels=("forward",))
    ended = CounterMetricFamily("logsentry_forward_records", "Records by how they ended.", labels=("forward", "end"))
    alerts = CounterMetricFamily("logsentry_forward_alerts", "Windows at or above their threshold.", labels=("forward",))
    damaged = CounterMetricFamily("logsentry_forward_damaged_bytes", "Bytes of the spool found damaged.", labels=("forward",))
    waiting = GaugeMetricFamily("logsentry_forward_spool_bytes", "Size of the spool.", labels=("forward",))
    most = GaugeMetricFamily("logsentry_forward_spool_most_bytes", "Size at which no more is taken.", labels=("forward",))
    opened = GaugeMetricFamily("logsentry_forward_open_records", "Records that wait in windows.", labels=("forward",))
    trouble = GaugeMetricFamily(
        "logsentry_forward_trouble", "1 while an exporter takes nothing or a pass fails.", labels=("forward",)
    )
    bundle = GaugeMetricFamily("logsentry_forward_bundle_info", "1 for the bundle that scores.", labels=("forward", "bundle"))
    refused = GaugeMetricFamily(
        "logsentry_forward_bundle_refused", "1 while the newest bundle of the name does not score.", labels=("forward",)
    )
    letters = GaugeMetricFamily("logsentry_forward_dead_letter_bytes", "Size of the file of dead letters.", labels=("forward",))
    room = GaugeMetricFamily(
        "logsentry_forward_dead_letter_most_bytes", "Size of it at which no more is taken.", labels=("forward",)
    )
    for each in standings:
        received.add_metric([each.name], each.appended)
        for end in ("scored", "duplicate", "filtered", "dead_lettered"):
            ended.add_metric([each.name, end], getattr(each.books, end))
        alerts.add_metric([each.name], each.alerts)
        damaged.add_metric([each.name], each.damaged_bytes)
        waiting.add_metric([each.name], each.spool_bytes)
        most.add_metric([each.name], each.spool_most_bytes)
        opened.add_metric([each.name], each.books.open)
        trouble.add_metric([each.name], 1 if each.trouble else 0)
        bundle.add_metric([each.name, each.bundle], 1)
        refused.add_metric([each.name], 1 if each.refused else 0)
        letters.add_metric([each.name], each.dead_letter_bytes)
        room.add_metric([each.name], each.dead_letter_most_bytes)
    if standings:
        yield from (received, ended, alerts, damaged, waiting, most, opened, trouble, bundle, refused, letters, room)
