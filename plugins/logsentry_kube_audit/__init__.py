"""Offers the source `kube-audit`: Kubernetes audit logs."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_sources(register: Register) -> None:
    register("kube-audit", "logsentry_kube_audit.source:KubeAudit")
