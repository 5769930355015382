"""The source keeps the contract of every source, on one record of each layout that audit events travel in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logsentry_kube_audit.source import KubeAudit

from logsentry.sdk import BadRecord, Event, Filtered, timestamp
from logsentry.testing import SourceContract, record_of

AUDIT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "level": "Metadata",
    "auditID": "0b3ae6ae-8a0b-4a7a-9a55-3a4b1f2a7c10",
    "stage": "ResponseComplete",
    "requestURI": "/api/v1/namespaces/shop/pods/web-0/exec?command=id&stdin=true",
    "verb": "create",
    "user": {"username": "ann", "uid": "7", "groups": ["dev"], "extra": {"example.org/team": ["a"]}},
    "sourceIPs": ["203.0.113.9", "10.0.0.1"],
    "userAgent": "kubectl/v1.29.2 (linux/amd64)",
    "objectRef": {"resource": "pods", "namespace": "shop", "name": "web-0", "apiVersion": "v1", "subresource": "exec"},
    "responseStatus": {"metadata": {}, "code": 101},
    "requestReceivedTimestamp": "2024-03-07T10:00:00.123456Z",
    "stageTimestamp": "2024-03-07T10:00:01.000001Z",
    "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""},
}
TEXT = json.dumps(AUDIT)
BETA = {name: AUDIT[name] for name in ("auditID", "stage", "verb", "user", "level")} | {
    "kind": "Event", "apiVersion": "audit.k8s.io/v1beta1", "timestamp": "2018-10-25T13:58:49Z",
    "metadata": {"creationTimestamp": "2018-10-25T13:58:49Z"},
}  # fmt: skip
AKS = {"category": "kube-audit", "operationName": "a/Read", "resourceId": "/SUBSCRIPTIONS/1/MANAGEDCLUSTERS/ONE"}
GKE = {
    "insertId": "x1", "timestamp": "2024-03-07T10:00:01.5Z", "resource": {"type": "k8s_cluster", "labels": {"cluster_name": "one"}},
    "labels": {"authorization.k8s.io/decision": "allow"},
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "k8s.io",
        "methodName": "io.k8s.core.v1.pods.exec.create", "resourceName": "core/v1/namespaces/shop/pods/web-0/exec",
        "authenticationInfo": {"principalEmail": "ann@example.org"}, "requestMetadata": {"callerIp": "203.0.113.9"},
        "authorizationInfo": [{"granted": True, "permission": "io.k8s.core.v1.pods.exec.create"}], "status": {"code": 0},
    },
}  # fmt: skip
LAYOUTS: dict[str, str] = {
    "line": TEXT,
    "pretty": json.dumps(AUDIT, indent=2),
    "beta": json.dumps(BETA),
    "alpha": json.dumps(BETA | {"apiVersion": "audit.k8s.io/v1alpha1", "responseStatus": {"status": "Failure"}}),
    "list": json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [AUDIT, AUDIT]}),
    "list of bare items": json.dumps({"kind": "EventList", "items": [{k: AUDIT[k] for k in ("auditID", "stage", "verb")}]}),
    "array": json.dumps([AUDIT]),
    "AKS, text": json.dumps(AKS | {"properties": {"log": TEXT, "pod": "p", "stream": "stdout"}}),
    "AKS, object": json.dumps(AKS | {"properties": {"log": AUDIT}, "time": "2024-03-07T10:00:01.000321Z"}),
    "AKS, all text": json.dumps(AKS | {"properties": json.dumps({"log": TEXT})}),
    "Azure records": json.dumps({"records": [AKS | {"properties": {"log": TEXT}}]}),
    "GKE": json.dumps(GKE),
    "CloudWatch subscription": json.dumps(
        {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 5, "message": TEXT}]}
    ),
    "CloudWatch events": json.dumps({"events": [{"eventId": "1", "timestamp": 1709805601000, "message": TEXT}]}),
    "CloudWatch insights, text": json.dumps({"@timestamp": "2024-03-07 10:00:01.000", "@message": TEXT}),
    "CloudWatch insights, object": json.dumps({"@message": AUDIT}),
    "CloudWatch in S3": f"2024-03-07T10:00:01.123Z {TEXT}",
    "CRI": f"2024-03-07T10:00:01.123456789Z stdout F {TEXT}",
    "CRI, offset": f"2024-03-07T10:00:01.123456789+02:00 stderr F {TEXT}",
    "Docker": json.dumps({"log": TEXT + "\n", "stream": "stdout", "time": "2024-03-07T10:00:01.1Z"}),
    "Filebeat": json.dumps({"@timestamp": "2024-03-07T10:00:01.000Z", "message": TEXT, "agent": {"type": "filebeat"}}),
    "syslog": f"<14>Mar  7 10:00:01 master kube-audit[77]: {TEXT}",
    "marked": "\ufeff" + TEXT,
}
SOURCE = KubeAudit(KubeAudit.Config())


class TestKubeAudit(SourceContract):
    make = KubeAudit
    sample = tuple(text.encode() for text in LAYOUTS.values())


def events_of(text: str) -> list[Event]:
    decoded = SOURCE.decode(record_of(text.encode()))
    assert not isinstance(decoded, Filtered), decoded
    return list(decoded)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("beta", "alpha", "list of bare items", "GKE")])
def test_a_layout_changes_nothing_of_the_event(layout: str) -> None:
    (bare,) = events_of(TEXT)
    found = events_of(LAYOUTS[layout])
    assert len(found) == (2 if layout == "list" else 1)
    for event in found:
        assert bare.fields.items() <= event.fields.items()
        assert (event.time, event.message) == (bare.time, bare.message)


def test_google_tells_the_same_request() -> None:
    (bare,), (google,) = events_of(TEXT), events_of(LAYOUTS["GKE"])
    same = ("event.action", "event.outcome", "event.type", "orchestrator.resource.type", "orchestrator.resource.name",
            "orchestrator.namespace", "kubernetes.audit.objectRef.subresource", "source.address", "url.path")  # fmt: skip
    assert [google.fields[name] for name in same] == [bare.fields[name] for name in same]
    assert (google.fields["user.name"], google.fields["orchestrator.cluster.name"]) == ("ann@example.org", "one")


def test_times_are_those_of_the_stage_or_the_best_that_is_known() -> None:
    times = [timestamp(events_of(LAYOUTS[name])[0].time or 0) for name in ("line", "beta", "GKE")]
    assert times == ["2024-03-07T10:00:01.000001000Z", "2018-10-25T13:58:49.000Z", "2024-03-07T10:00:01.500Z"]
    untimed = {name: value for name, value in AUDIT.items() if not name.endswith("Timestamp")}
    wrapped = json.dumps(AKS | {"properties": {"log": untimed}, "time": "2024-03-07T10:00:01.25Z"})
    assert timestamp(events_of(wrapped)[0].time or 0) == "2024-03-07T10:00:01.250Z"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (' {"kind": 0}', "this is no audit event of the Kubernetes API"),
        (TEXT[:200], "this is no JSON"),
        ("W0307 10:00:01.1 1 plain text of klog", "does not begin with a brace"),
        (json.dumps(AUDIT | {"stageTimestamp": "yesterday"}), "this is no time: 'yesterday'"),
        (json.dumps(AUDIT | {"stageTimestamp": "2024-02-30T10:00:00.000000Z"}), "does not exist"),
        ("[" * 9 + TEXT + "]" * 9, "more than 4 layouts deep"),
        ('{"kind":"Event","x":' + "[" * 90_000, "nested too deeply|no JSON"),
        ('{"kind":"Event","verb":"get","userAgent":"\\ud800"}', "this is no JSON"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        SOURCE.decode(record_of(text.encode()))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "blank line"),
        ('{"kind":"EventList","items":[]}', "an empty list"),
        ('{"kind":"Event","apiVersion":"v1","involvedObject":{"kind":"Pod"}}', "no audit event (kind 'Event', version 'v1')"),
        ('{"category":"Administrative","operationName":"write"}', "Azure's category 'Administrative'"),
        ('{"protoPayload":{"serviceName":"compute.googleapis.com","methodName":"v1.insert"}}', "another Google service"),
        ('{"jsonPayload":{"kind":"Event"}}', "Google Cloud Logging that is no audit entry"),
        ('{"@message":"time=now level=info msg=access"}', "another component's"),
        ('{"ts":1,"msg":"HTTP","verb":"GET"}', "no audit event (without a kind)"),
    ],
)
def test_what_is_no_audit_event_is_filtered(text: str, why: str) -> None:
    decoded = SOURCE.decode(record_of(text.encode()))
    assert isinstance(decoded, Filtered)
    assert why in decoded.reason


@pytest.mark.parametrize(
    ("head", "framing"),
    [
        (TEXT, "lines"), (TEXT + "\n" + TEXT, "lines"), (LAYOUTS["pretty"], "json"), ("[" + TEXT + "]", "json"), ("", "lines"),
        (TEXT[:100] + "\n" + TEXT, "lines"), ("{\r\n \"kind\"", "json"), ("2024-03-07T10:00:01.1Z stdout F {", "lines"),
    ],
)  # fmt: skip
def test_the_layout_of_a_file_is_known_by_its_head(head: str, framing: str) -> None:
    assert SOURCE.framing_of(head.encode()[:4096]) == framing


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    verb=st.sampled_from(["get", "list", "watch", "create", "escalate"]), name=_NAMES, user=_NAMES, notes=st.dictionaries(_NAMES, _NAMES),
    code=st.none() | st.integers(-5, 1200), ips=st.lists(_NAMES | st.ip_addresses().map(str), max_size=3),
)  # fmt: skip
def test_every_well_formed_event_gives_its_own_values(
    verb: str, name: str, user: str, notes: dict[str, str], code: int | None, ips: list[str]
) -> None:
    told = AUDIT | {
        "verb": verb,
        "user": {"username": user},
        "annotations": notes,
        "responseStatus": {"code": code},
        "sourceIPs": ips,
    }
    (event,) = events_of(json.dumps(told | {"objectRef": {"resource": "pods", "name": name}}))
    assert event.fields["event.action"] == verb
    assert event.fields.get("user.name", "") == user
    assert event.fields.get("orchestrator.resource.name", "") == name
    assert event.fields.get("source.address", "") == next(filter(None, ips), "")
