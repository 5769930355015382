"""Configuration: a YAML file into typed, frozen structs, and back.

    inputs:
      - {use: files, paths: [/var/log/nginx/access.log]}
    source: {use: http-access}
    bundle: {store: bundles, name: web}
    exporters:
      - {use: duckdb, path: scores.duckdb}

`use` names a plugin, whose own options stand beside it. What the options do is left to the plugins and to `pipeline`.
"""

from __future__ import annotations

from logsentry.config.load import load
from logsentry.config.schema import schema
from logsentry.config.show import show
from logsentry.config.tree import Alerts, BundleRef, Part, Pipeline, Scoring, SourcePart
from logsentry.schema.secret import Secret

__all__ = ["Alerts", "BundleRef", "Part", "Pipeline", "Scoring", "Secret", "SourcePart", "load", "schema", "show"]
