"""The plugin's own tests: inherited, as every author would. Not named `test_*`, because they run where it is installed."""

from __future__ import annotations

from logsentry_dnstap.source import DnsTap

from logsentry.testing import SourceContract


class TestDnsTap(SourceContract):
    make = DnsTap
    sample = (
        b"08-Feb-2017 18:16:58.404 CQ 192.0.2.7:62142 -> 192.0.2.1:53 UDP 53b example.com/IN/A",
        b"08-Feb-2017 18:16:58.405 RQ ::1:62142 -> ::1:53 TCP 53b example.org/IN/AAAA\r\n",
    )
