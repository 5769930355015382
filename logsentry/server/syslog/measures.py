"""What syslog listeners tell Prometheus; above all what was lost, as far as this end can see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from logsentry.server.syslog.listener import SyslogStanding

COUNTED = (
    ("messages", "kept", "Messages that are in the spool."),
    ("connections_refused", "refused", "Connections turned away: too many, or from elsewhere than the peers."),
    ("messages_cut", "cut", "Messages of which only the first part was kept."),
    ("connections_broken", "broken_off", "Connections that ended in the middle of a message."),
    ("datagrams_dropped", "dropped", "Datagrams that came faster than they could be kept."),
    ("datagrams_refused", "strangers", "Datagrams from elsewhere than the peers."),
)


def families(standings: Sequence[SyslogStanding]) -> Iterator[Metric]:
    """Nothing where nobody listens."""
    if not standings:
        return
    for name, field, help in COUNTED:
        family = CounterMetricFamily(f"logsentry_syslog_{name}", help, labels=("forward",))
        for each in standings:
            family.add_metric([each.name], getattr(each, field))
        yield family
    opened = GaugeMetricFamily("logsentry_syslog_connections", "Connections that are open.", labels=("forward",))
    senders = GaugeMetricFamily(
        "logsentry_syslog_senders", "Machines that have sent something since the start, 10,000 at most.", labels=("forward",)
    )
    lost = CounterMetricFamily(
        "logsentry_syslog_datagrams_lost_by_kernel", "Datagrams that the socket had no room for.", labels=("forward",)
    )
    for each in standings:
        opened.add_metric([each.name], each.connections)
        senders.add_metric([each.name], each.senders)
        if each.lost_by_kernel is not None:
            lost.add_metric([each.name], each.lost_by_kernel)
    yield opened
    yield senders
    yield lost
