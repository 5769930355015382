"""What one audit line says in ECS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from logsentry_kube_audit.source import KubeAudit

from logsentry.sdk import Event, Filtered, Value
from logsentry.testing import record_of

SOURCE = KubeAudit(KubeAudit.Config())
BODY = "kubernetes.audit.requestObject."


def event_of(**said: Any) -> Event:
    told = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a", "stage": "ResponseComplete", "verb": "get"}
    decoded = SOURCE.decode(record_of(json.dumps(told | said).encode()))
    assert not isinstance(decoded, Filtered)
    return decoded[0]


def fields_of(**said: Any) -> dict[str, Value]:
    return event_of(**said).fields


def sent(resource: str, body: Any) -> dict[str, Value]:
    return fields_of(verb="create", objectRef={"resource": resource}, requestObject=body)


def test_an_impersonated_user_is_the_effective_one() -> None:
    said = {"user": {"username": "root", "uid": "1"}, "impersonatedUser": {"username": "bob", "groups": ["dev"]}}
    fields = fields_of(**said)
    assert (fields["user.name"], fields["user.effective.name"]) == ("root", "bob")
    assert fields["related.user"] == ["root", "1", "bob"]
    assert fields["kubernetes.audit.impersonatedUser.groups"] == ["dev"]
    assert event_of(**said).message.startswith("bob get ")


def test_nobody_impersonated_is_effective_oneself() -> None:
    assert fields_of(user={"username": "ann"}, impersonatedUser=None)["user.effective.name"] == "ann"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"responseStatus": {"code": 200}}, "success"), ({"responseStatus": {"code": 101}}, "success"),
        ({"responseStatus": {"code": 403}}, "failure"), ({"responseStatus": {"code": 500}, "stage": "Panic"}, "failure"),
        ({"responseStatus": {"status": "Failure"}}, "failure"), ({}, None),
        ({"annotations": {"authorization.k8s.io/decision": "forbid"}}, "failure"),
        ({"annotations": {"authorization.k8s.io/decision": "allow"}, "responseStatus": {"code": 404}}, "failure"),
    ],
)  # fmt: skip
def test_outcomes(said: dict[str, Any], outcome: str | None) -> None:
    assert fields_of(**said).get("event.outcome") == outcome


def test_types_say_what_was_done_and_whether_it_was_allowed() -> None:
    assert fields_of(verb="deletecollection", responseStatus={"code": 403})["event.type"] == ["deletion", "denied"]
    assert fields_of(annotations={"authorization.k8s.io/decision": "allow"})["event.type"] == ["access", "allowed"]


def test_addresses_that_are_none_stay_out_of_fields_of_type_ip() -> None:
    fields = fields_of(sourceIPs=["unknown", "::1", "fe80::1%eth0", "::1"])
    assert (fields["source.address"], fields["source.ip"], fields["related.ip"]) == ("unknown", ["::1"], ["::1"])
    assert fields["kubernetes.audit.sourceIPs"] == ["unknown", "::1", "fe80::1%eth0", "::1"]


def test_no_two_events_share_a_list() -> None:
    first, second = fields_of(sourceIPs=["::1"]), fields_of(sourceIPs=["::1"])
    for name, value in first.items():
        assert not isinstance(value, list) or value is not second[name]


def test_empty_and_null_values_are_absent() -> None:
    fields = fields_of(user=None, objectRef=None, responseStatus=None, annotations=None, sourceIPs=None, userAgent="")
    assert {name.partition(".")[0] for name in fields} == {"event", "kubernetes", "orchestrator"}


def test_paths_without_an_object() -> None:
    fields = fields_of(requestURI="/readyz?verbose")
    assert (fields["url.path"], fields["url.query"], fields.get("orchestrator.resource.type")) == ("/readyz", "verbose", None)


def test_a_pod_that_takes_over_its_host() -> None:
    spec = {
        "hostNetwork": True, "volumes": [{"hostPath": {"path": "/"}}, {"emptyDir": {}}],
        "containers": [
            {"image": "nginx", "name": "a", "securityContext": {"privileged": False}},
            {"image": "evil:1", "name": "b", "securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}}},
        ],
    }  # fmt: skip
    for resource, body, prefix in (
        ("pods", {"kind": "Pod", "spec": spec}, "spec."),
        ("deployments", {"kind": "Deployment", "spec": {"template": {"spec": spec}}}, "spec.template.spec."),
        ("cronjobs", {"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}, "spec.jobTemplate.spec.template.spec."),
    ):
        fields = sent(resource, body)
        assert fields[f"{BODY}{prefix}hostNetwork"] is True
        assert fields[f"{BODY}{prefix}volumes.hostPath.path"] == ["/"]
        assert fields[f"{BODY}{prefix}containers.image"] == fields["container.image.name"] == ["nginx", "evil:1"]
        assert fields[f"{BODY}{prefix}containers.securityContext.privileged"] is True
        assert fields[f"{BODY}{prefix}containers.securityContext.capabilities.add"] == ["SYS_ADMIN"]


def test_roles_and_bindings() -> None:
    role = sent(
        "clusterroles", {"kind": "ClusterRole", "rules": [{"resources": ["*"], "verbs": ["get", "*"]}, {"verbs": ["get"]}]}
    )
    assert (role[BODY + "rules.resources"], role[BODY + "rules.verbs"]) == (["*"], ["get", "*"])
    binding = sent("rolebindings", {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}, "subjects": [{"name": "x"}]})
    assert (binding[BODY + "roleRef.name"], binding[BODY + "subjects.name"]) == ("cluster-admin", ["x"])


def test_a_configuration_map_shows_its_text_and_a_secret_its_keys_alone() -> None:
    shown = sent("configmaps", {"kind": "ConfigMap", "data": {"app.ini": "aws_access_key_id = AKIA"}})
    assert (shown[BODY + "data_keys"], "AKIA" in str(shown[BODY + "data"])) == (["app.ini"], True)
    hidden = sent("secrets", {"kind": "Secret", "data": {"password": "aHVudGVyMg=="}, "stringData": {"token": "t"}})
    assert (hidden[BODY + "data_keys"], BODY + "data" in hidden) == (["password", "token"], False)


@pytest.mark.parametrize(
    "body", [None, 5, "text", [], [[[]]], {"spec": "text"}, {"spec": {"containers": {"image": 5}}}, {"kind": 7}]
)
def test_a_body_of_another_shape_gives_no_fields(body: Any) -> None:
    assert [name for name in sent("pods", body) if name.startswith(BODY)] == []


def test_a_patch_shows_what_it_touches() -> None:
    fields = sent("pods", [{"op": "replace", "path": "/spec/hostNetwork", "value": True}, {"op": "add", "path": "/a"}])
    assert (fields[BODY + "op"], fields[BODY + "path"]) == (["replace", "add"], ["/spec/hostNetwork", "/a"])


def test_bodies_that_say_nothing_are_not_read() -> None:
    assert BODY + "kind" not in sent("leases", {"kind": "Lease"})


def test_a_name_that_the_server_chose_comes_from_the_answer() -> None:
    said = {"objectRef": {"resource": "pods"}, "requestObject": {"metadata": {"generateName": "web-"}}}
    assert fields_of(**said, responseObject={"metadata": {"name": "web-x7"}})["orchestrator.resource.name"] == "web-x7"
