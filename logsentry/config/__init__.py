"""Configuration: a YAML file into typed, frozen structs, and back.

    inputs:
      - {use: files, paths: [/var/log/nginx/access.log]}
    source: {use: http-access}
    bundle: {store: bundles, name: web}
    exporters:
      - {use: duckdb, path: scores.duckdb}

With `listen` in place of `inputs` it is a `Forward`, which `logsentry serve --forward` takes. `use` names a plugin, whose own options
stand beside it. What the options do is left to the plugins and to `pipeline`.
"""

from __future__ import annotations

from logsentry.config.load import load, load_any, load_forward
from logsentry.config.schema import schema
from logsentry.config.show import show
from logsentry.config.tree import Alerts, BundleRef, Forward, Listen, Part, Pipeline, Scoring, SourcePart, Syslog, SyslogTls
from logsentry.schema.secret import Secret

__all__ = [
    "Alerts", "BundleRef", "Forward", "Listen", "load", "load_any", "load_forward", "Part", "Pipeline", "schema", "Scoring",
    "Secret", "show", "SourcePart", "Syslog", "SyslogTls",
]  # fmt: skip
