"""Falco's rules for Kubernetes audit logs: what each of them reads and tells of an event, this source has decoded, value for value.

The rules are those of falcosecurity/plugins, `plugins/k8saudit/rules/k8s_audit_rules.yaml` (all 48, version of k8saudit 0.7), their
fields (`ka.*`, `jevt.value[…]`) those of `plugins/k8saudit/README.md`: each names a place in the audit event.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from logsentry_kube_audit.source import KubeAudit

from logsentry.sdk import BadRecord, Event, Filtered
from logsentry.testing import record_of

FALCO = Path("siem", "kube-audit", "labelled", "falco")
SOURCE = KubeAudit(KubeAudit.Config())
AUDIT, BODY = "kubernetes.audit.", "kubernetes.audit.requestObject."
AUTH = "annotations.authorization.k8s.io/"
SPEC = "requestObject.spec."
PLACES: dict[str, dict[str, str]] = {
    "user.name": {"user.username": "user.name"},
    "target.name": {"objectRef.name": "orchestrator.resource.name"},
    "target.resource": {"objectRef.resource": "orchestrator.resource.type"},
    "target.namespace": {"objectRef.namespace": "orchestrator.namespace"},
    "target.subresource": {"objectRef.subresource": AUDIT + "objectRef.subresource"},
    "verb": {"verb": "event.action"},
    "stage": {"stage": AUDIT + "stage"},
    "uri": {"requestURI": "url.original"},
    "uri.param": {"requestURI": "url.original"},
    "response.code": {"responseStatus.code": "http.response.status_code"},
    "response.reason": {"responseStatus.reason": AUDIT + "responseStatus.reason"},
    "auth.decision": {AUTH + "decision": AUDIT + "annotations.authorization_k8s_io/decision"},
    "auth.reason": {AUTH + "reason": AUDIT + "annotations.authorization_k8s_io/reason"},
    "resp.name": {"responseObject.metadata.name": "orchestrator.resource.name"},
    "pod.image": {SPEC + "containers.image": BODY + "spec.containers.image"},
    "pod.privileged": {SPEC + "containers.securityContext.privileged": BODY + "spec.containers.securityContext.privileged"},
    "pod.hostpath": {SPEC + "volumes.hostPath.path": BODY + "spec.volumes.hostPath.path"},
    "pod.volumes": {SPEC + "volumes.name": BODY + "spec.volumes.name"},
    "pod.host_network": {SPEC + "hostNetwork": BODY + "spec.hostNetwork"},
    "pod.host_pid": {SPEC + "hostPID": BODY + "spec.hostPID"},
    "pod.host_ipc": {SPEC + "hostIPC": BODY + "spec.hostIPC"},
    "pod.ephemeral": {
        "requestObject.ephemeralContainers.name": BODY + "ephemeralContainers.name",
        "requestObject.ephemeralContainers.image": BODY + "ephemeralContainers.image",
    },
    "service.type": {SPEC + "type": BODY + "spec.type"},
    "service.ports": {
        SPEC + "ports.port": BODY + "spec.ports.port",
        SPEC + "ports.nodePort": BODY + "spec.ports.nodePort",
    },
    "configmap.name": {"objectRef.name": "orchestrator.resource.name"},
    "configmap.obj": {"requestObject.data": BODY + "data"},
    "binding.role": {"requestObject.roleRef.name": BODY + "roleRef.name"},
    "binding.subjects": {f"requestObject.subjects.{name}": f"{BODY}subjects.{name}" for name in ("kind", "name", "namespace")},
    "role.rules": {
        f"requestObject.rules.{name}": f"{BODY}rules.{name}" for name in ("apiGroups", "resources", "verbs", "nonResourceURLs")
    },
    "ingress.tls": {SPEC + "tls.secretName": BODY + "spec.tls.secretName", SPEC + "tls.hosts": BODY + "spec.tls.hosts"},
}
"""What a rule reads: the place in the audit event, and the name here."""

ON = "stage verb target.resource user.name"
POD = f"{ON} resp.name target.namespace pod.image"
NAMED = f"{ON} target.name"
ANSWERED = f"{NAMED} response.code auth.decision auth.reason"
TELLING = f"{ANSWERED} target.namespace"
NODE = f"{NAMED} response.code"
RULES: dict[str, tuple[str, str]] = {
    "Disallowed K8s User": ("create pods", f"{NAMED} uri response.code"),
    "Create Disallowed Pod": ("create pods", POD),
    "Create Privileged Pod": ("create pods", f"{POD} pod.privileged"),
    "Create Sensitive Mount Pod": ("create pods", f"{POD} pod.hostpath pod.volumes"),
    "Create HostNetwork Pod": ("create pods", f"{POD} pod.host_network"),
    "Create HostPid Pod": ("create pods", f"{POD} pod.host_pid"),
    "Create HostIPC Pod": ("create pods", f"{POD} pod.host_ipc"),
    "Create NodePort Service": ("create services", f"{NAMED} target.namespace service.type service.ports"),
    "Create/Modify Configmap With Private Credentials": ("update configmaps", f"{ON} configmap.name configmap.obj"),
    "Anonymous Request Allowed": ("create namespaces", "stage verb user.name uri auth.decision auth.reason"),
    "Attach/Exec Pod": ("create pods/exec", f"{NAMED} target.namespace target.subresource uri.param"),
    "port-forward": ("create pods/portforward", "user.name target.name target.namespace target.subresource"),
    "EphemeralContainers Created": (
        "patch pods/ephemeralcontainers",
        f"{NAMED} target.namespace target.subresource pod.ephemeral",
    ),
    "Create Disallowed Namespace": ("create namespaces", NAMED),
    "Pod Created in Kube Namespace": ("create pods", POD),
    "Service Account Created in Kube Namespace": ("create serviceaccounts", f"{NAMED} target.namespace response.code"),
    "System ClusterRole Modified/Deleted": ("patch clusterroles", NAMED),
    "Attach to cluster-admin Role": ("create clusterrolebindings", f"{ON} binding.role binding.subjects"),
    "ClusterRole With Wildcard Created": ("create clusterroles", f"{NAMED} role.rules"),
    "ClusterRole With Write Privileges Created": ("create clusterroles", f"{NAMED} role.rules"),
    "ClusterRole With Pod Exec Created": ("create clusterroles", f"{NAMED} role.rules"),
    "K8s Deployment Created": ("create deployments", TELLING),
    "K8s Deployment Deleted": ("delete deployments", TELLING),
    "K8s Service Created": ("create services", TELLING),
    "K8s Service Deleted": ("delete services", TELLING),
    "K8s ConfigMap Created": ("create configmaps", TELLING),
    "K8s ConfigMap Deleted": ("delete configmaps", TELLING),
    "K8s Namespace Created": ("create namespaces", ANSWERED),
    "K8s Namespace Deleted": ("delete namespaces", ANSWERED),
    "K8s Serviceaccount Created": ("create serviceaccounts", TELLING),
    "K8s Serviceaccount Deleted": ("delete serviceaccounts", TELLING),
    "K8s Role Created": ("create roles", f"{TELLING} role.rules"),
    "K8s Role Deleted": ("delete roles", TELLING),
    "K8s ClusterRole Created": ("create clusterroles", f"{ANSWERED} role.rules"),
    "K8s ClusterRole Deleted": ("delete clusterroles", ANSWERED),
    "K8s RoleBinding Created": ("create rolebindings", f"{TELLING} binding.role binding.subjects"),
    "K8s RoleBinding Deleted": ("delete rolebindings", TELLING),
    "K8s ClusterRoleBinding Created": ("create clusterrolebindings", f"{ANSWERED} binding.role binding.subjects"),
    "K8s ClusterRoleBinding Deleted": ("delete clusterrolebindings", ANSWERED),
    "K8s Secret Created": ("create secrets", TELLING),
    "K8s Secret Deleted": ("delete secrets", TELLING),
    "K8s Secret Get Successfully": ("get secrets", TELLING),
    "K8s Secret Get Unsuccessfully Tried": ("get secrets", TELLING),
    "All K8s Audit Events": ("get secrets", "stage user.name verb uri"),
    "Full K8s Administrative Access": ("create pods", f"{NAMED} uri response.code"),
    "Ingress Object without TLS Certificate Created": ("create ingresses", f"{NAMED} target.namespace response.code ingress.tls"),
    "Untrusted Node Successfully Joined the Cluster": ("create nodes", NODE),
    "Untrusted Node Unsuccessfully Tried to Join the Cluster": ("create nodes", f"{NODE} response.reason"),
}
"""For each rule: a request that it is about, and what its condition and its output read of the event."""

NOT_DECODED = {"pod.volumes", "pod.ephemeral", "service.ports"}
"""What only outputs tell: the rules fire without it, and `event.original` has it."""

BEFORE = {
    "K8s Role/Clusterrole Deleted": "K8s ClusterRole Deleted",
    "K8s Role/Clusterrolebinding Deleted": "K8s ClusterRoleBinding Deleted",
}
"""Rules that were split since the traces were labelled. `json_pointer_example` is a test of Falco's own."""

RULE = {"apiGroups": ["apps"], "resources": ["pods/exec", "*"], "verbs": ["create", "*"], "nonResourceURLs": ["/healthz"]}
SUBJECT = {"kind": "ServiceAccount", "name": "builder", "namespace": "ci"}
BODIES: dict[str, dict[str, Any]] = {
    "pods": {
        "kind": "Pod",
        "spec": {
            "hostNetwork": True, "hostPID": True, "hostIPC": True,
            "volumes": [{"name": "root", "hostPath": {"path": "/etc"}}, {"name": "none", "emptyDir": {}}],
            "containers": [
                {"name": "a", "image": "nginx:1"},
                {"name": "b", "image": "mysql:8", "securityContext": {"privileged": True}},
            ],
        },
    },
    "pods/ephemeralcontainers": {"kind": "EphemeralContainers", "ephemeralContainers": [{"name": "debug", "image": "busybox:1"}]},
    "services": {"kind": "Service", "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]}},
    "configmaps": {"kind": "ConfigMap", "data": {"ui.properties": "aws_access_key_id = MY-ID"}},
    "secrets": {"kind": "Secret", "data": {"password": "c2VjcmV0"}},
    "roles": {"kind": "Role", "rules": [RULE]},
    "clusterroles": {"kind": "ClusterRole", "rules": [RULE]},
    "rolebindings": {"kind": "RoleBinding", "roleRef": {"kind": "Role", "name": "reader"}, "subjects": [SUBJECT]},
    "clusterrolebindings": {"kind": "ClusterRoleBinding", "roleRef": {"name": "cluster-admin"}, "subjects": [SUBJECT]},
    "ingresses": {"kind": "Ingress", "spec": {"tls": [{"hosts": ["a.example.org"], "secretName": "certificate"}]}},
}  # fmt: skip


def written(request: str, named: bool) -> dict[str, Any]:
    """An audit event of such a request; where it is not `named`, the server chose the name (`generateName`)."""
    verb, what = request.split()
    resource, _, subresource = what.partition("/")
    about = {"resource": resource, "subresource": subresource, "namespace": "default", "name": "one" if named else ""}
    return {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": "6f1c", "stage": "ResponseComplete",
        "requestURI": f"/api/v1/namespaces/default/{resource}/one/{subresource}?command=id", "verb": verb,
        "user": {"username": "jane@example.org", "groups": ["system:authenticated"]}, "sourceIPs": ["192.0.2.7"],
        "objectRef": {key: value for key, value in about.items() if value},
        "responseStatus": {"metadata": {}, "code": 403, "reason": "Forbidden"},
        "requestObject": BODIES.get(what, {"kind": resource}), "responseObject": {"kind": resource, "metadata": {"name": "one"}},
        "requestReceivedTimestamp": "2026-05-01T10:00:00.000000Z", "stageTimestamp": "2026-05-01T10:00:01.000000Z",
        "annotations": {"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": "no rule allows it"},
    }  # fmt: skip


def decoded(data: bytes) -> list[Event]:
    found = SOURCE.decode(record_of(data))
    return [] if isinstance(found, Filtered) else list(found)


def values(log: Any, place: str) -> list[Any]:
    """All that stands at a place of an audit event, through lists; what is empty says nothing."""
    if isinstance(log, list):
        return [value for each in log for value in values(each, place)]
    if not place:
        return [] if log in ("", None) else [log]
    if not isinstance(log, dict):
        return []
    name = place if place in log else place.partition(".")[0]  # an annotation's name has dots of its own
    return values(log.get(name), place[len(name) + 1 :])


def has(event: Event, name: str, told: list[Any]) -> bool:
    """Whether the event says what the log said: every value of a list, True where any flag is, an object as its JSON."""
    found: Any = event.fields.get(name)
    if isinstance(found, bool):
        return found == any(told)
    if isinstance(told[0], dict):
        return isinstance(found, str) and json.loads(found) == told[0]
    return set(told) <= set(found if isinstance(found, list) else [found])


def lacking(event: Event, log: dict[str, Any], reads: str) -> set[str]:
    """What of that which a rule reads stands in the log, and not in the event."""
    return {
        what
        for what in reads.split()
        for place, name in PLACES[what].items()
        if (told := values(log, place)) and not has(event, name, told)
    }


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_its_fields(rule: str) -> None:
    request, reads = RULES[rule]
    log = written(request, named="resp.name" not in reads)
    said = {what for what in reads.split() if all(values(log, place) for place in PLACES[what])}
    assert said == set(reads.split()), "the event that is written here says all that the rule reads"
    [event] = decoded(json.dumps(log).encode())
    assert lacking(event, log, reads) == NOT_DECODED & set(reads.split())


def _labelled(folder: Path) -> set[tuple[str, str]]:
    """(trace, rule that fires on it)"""
    tests = [
        (Path(each["file"]).name, test)
        for each in map(json.loads, (folder / "labels.jsonl").read_text().splitlines())
        for test in each["falco_tests"]
    ]
    fired = {
        (file, rule)
        for file, test in tests
        if test["detect"]
        for count in test["counts"]
        for rule, times in count.items()
        if times
    }
    return {(file, BEFORE.get(rule, rule)) for file, rule in fired if rule != "json_pointer_example"}


@pytest.mark.data
def test_rules_find_their_fields_in_the_traces_they_fire_on(data: Path) -> None:
    folder, checked = data / FALCO, set()
    for file, rule in sorted(_labelled(folder)):
        for line in (folder / file).read_bytes().splitlines():
            for event in decoded(line):
                assert lacking(event, json.loads(line), RULES[rule][1]) <= NOT_DECODED, f"{rule} on {file}"
                checked.add(rule)
    assert len(checked) == 24


@pytest.mark.data
def test_every_falco_trace_decodes(data: Path) -> None:
    traces = sorted((data / FALCO).glob("*.json"))
    for trace in traces:
        for line in trace.read_bytes().splitlines():
            if trace.stem == "fal_01_003":  # `{"kind": 0}`: made to break a parser
                with pytest.raises(BadRecord, match="Expected `str"):
                    decoded(line)
            else:
                assert len(decoded(line)) == (1 if line.strip() else 0), trace.name
    assert len(traces) >= 29
