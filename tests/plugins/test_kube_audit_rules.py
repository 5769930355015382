"""Logs that Panther's detection rules were written for: each decodes, and what its rule reads is there to be read.

The rules read the log as it is, so each value of the log is looked for. Falco's rules have tests of their own beside this.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from logsentry_kube_audit.source import KubeAudit

from logsentry.sdk import Event, Filtered
from logsentry.testing import record_of

DATA = Path(os.environ.get("LOGSENTRY_DATA", Path(__file__).parents[3] / "shared" / "data")) / "siem" / "kube-audit" / "labelled"
SOURCE = KubeAudit(KubeAudit.Config())
AUDIT, BODY = "kubernetes.audit.", "kubernetes.audit.requestObject."
UNREAD = ("metadata.annotations", "metadata.labels", "spec.selector", ".ports.", ".backend.", "volumes.name", "volumeMounts.name",
          "apiGroup", "@type")  # fmt: skip


def decoded(data: bytes) -> list[Event]:
    found = SOURCE.decode(record_of(data))
    return [] if isinstance(found, Filtered) else list(found)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    elif value not in (None, ""):
        yield path, value


@pytest.mark.data
def test_panther_rules_find_their_fields() -> None:
    logs = [json.loads(line) for line in (DATA / "panther-rule-tests.jsonl").read_text().splitlines()]
    counted = dict.fromkeys(("k8s-event", "k8s-event-partial", "aks", "gke", "other"), 0)
    for each in logs:
        events = decoded(json.dumps(each["log"]).encode())
        counted[each["shape"]] += len(events)
        if not events or each["shape"] == "gke":
            continue
        inner = each["log"]["properties"]["log"] if each["shape"] == "aks" else each["log"]
        for name, value in _leaves(json.loads(inner) if isinstance(inner, str) else inner):
            if name.startswith("p_") or any(part in name for part in UNREAD if name.startswith("requestObject")):
                continue
            parts = name.split(".", 1)
            named = f"annotations.{parts[1].replace('.', '_')}" if parts[0] == "annotations" else name
            found = events[0].fields.get(AUDIT + named)
            assert found == value or found is True or (isinstance(found, list) and value in found), (each["test"], name, value)
    # What is left out is of Google Compute, of Azure's own administration, or has no audit entry at all.
    assert counted == {"k8s-event": 32, "k8s-event-partial": 72, "aks": 20, "gke": 26, "other": 0}


@pytest.mark.data
def test_panther_rules_find_googles_names() -> None:
    for each in map(json.loads, (DATA / "panther-rule-tests.jsonl").read_text().splitlines()):
        events = decoded(json.dumps(each["log"]).encode()) if each["shape"] == "gke" else []
        for event in events:
            payload = each["log"]["protoPayload"]
            who = payload.get("authenticationInfo", {})
            caller = payload.get("requestMetadata", {})
            assert event.fields.get("user.name") == (who.get("principalEmail") or who.get("authoritySelector"))
            assert event.fields.get("source.address") == (caller.get("callerIP") or caller.get("callerIp"))
            asked = [payload["methodName"], *(each.get("permission", "") for each in payload.get("authorizationInfo", []))]
            assert event.fields["event.action"] == next(name for name in asked if name.startswith("io.k8s.")).rpartition(".")[2]
            for name, value in _leaves(payload.get("request", {})):
                if not any(part in name for part in UNREAD):
                    found = event.fields.get(BODY + name)
                    assert found == value or found is True or (isinstance(found, list) and value in found), (each["test"], name)
