"""Signs: real requests, each word by itself, and that no value of a request can become one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logsentry_kube_audit import signs
from logsentry_kube_audit.bodies import READ_FOR
from logsentry_kube_audit.source import KubeAudit

from logsentry.sdk import Event, Filtered, Window
from logsentry.stages.filters import DomainFilter
from logsentry.testing import record_of
from logsentry.text.logkeys import LogKeys
from logsentry.text.vocabulary import UNK

GOLDEN = Path(__file__).parents[1] / "golden" / "kube-audit"
FALCO = Path("siem", "kube-audit", "labelled", "falco")
SOURCE = KubeAudit(KubeAudit.Config())
LINE = DomainFilter(KubeAudit.profile).line
CONTAINER = {"name": "a", "image": "nginx"}
USERS = ("ann", "bob", "eve")


def decoded(data: bytes) -> list[Event]:
    found = SOURCE.decode(record_of(data))
    return [] if isinstance(found, Filtered) else list(found)


def event_of(resource: str, body: Any = None, user: str = "ann", verb: str = "create", **said: Any) -> Event:
    told = {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "auditID": "a", "stage": "ResponseComplete", "verb": verb,
        "user": {"username": user}, "objectRef": {"resource": resource, "namespace": "shop"}, "responseStatus": {"code": 201},
    } | ({} if body is None else {"requestObject": body}) | said  # fmt: skip
    [event] = decoded(json.dumps(told).encode())
    return event


def signs_in(event: Event) -> list[str]:
    found = event.fields.get(signs.FIELD, [])
    assert isinstance(found, list)
    return [str(word) for word in found]


def sent(resource: str, body: Any) -> list[str]:
    return signs_in(event_of(resource, body))


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {"kind": "Pod", "spec": {"containers": [CONTAINER, CONTAINER | (container or {})], **spec}}


def secured(**context: Any) -> dict[str, Any]:
    return {"securityContext": context}


TOLD: list[tuple[str, Any, list[str]]] = [
    ("pods", pod(), []),
    ("pods", pod(hostNetwork=False, hostPID=False, hostIPC=False), []),
    ("pods", pod(hostNetwork=True, hostPID=True, hostIPC=True), ["host-pid", "host-ipc", "host-network"]),
    ("pods", pod(secured(privileged=True)), ["privileged"]),
    ("pods", pod(secured(privileged=False)), []),
    ("pods", pod(initContainers=[secured(privileged=True)]), ["privileged"]),
    ("pods", pod(ephemeralContainers=[secured(privileged=True)]), ["privileged"]),
    ("pods", pod(secured(capabilities={"add": ["NET_BIND_SERVICE", "CHOWN"], "drop": ["ALL"]})), []),
    ("pods", pod(secured(capabilities={"add": ["CHOWN", "SYS_ADMIN"]})), ["capability"]),
    ("pods", pod(secured(capabilities={"add": ["ALL"]})), ["capability"]),
    ("pods", pod(secured(procMount="Unmasked")), ["proc-mount"]),
    ("pods", pod(secured(procMount="Default")), []),
    ("pods", pod({"ports": [{"containerPort": 80}]}), []),
    ("pods", pod({"ports": [{"containerPort": 80, "hostPort": 80}]}), ["host-port"]),
    ("pods", pod(volumes=[{"emptyDir": {}}, {"hostPath": {"path": "/var/log"}}]), ["host-path"]),
    ("persistentvolumes", {"spec": {"hostPath": {"path": "/"}}}, ["host-path"]),
    ("daemonsets", {"spec": {"template": pod(hostPID=True)}}, ["host-pid"]),
    ("cronjobs", {"spec": {"jobTemplate": {"spec": {"template": pod(hostPID=True)}}}}, ["host-pid"]),
    ("podtemplates", {"template": pod(hostPID=True)}, ["host-pid"]),
    ("roles", {"rules": [{"verbs": ["get", "list"], "resources": ["pods/*", "*/scale"], "apiGroups": [""]}]}, []),
    ("roles", {"rules": [{"verbs": ["get"]}, {"verbs": ["*"]}]}, ["any-verb"]),
    ("clusterroles", {"rules": [{"resources": ["*"], "apiGroups": ["*"]}]}, ["any-resource", "any-group"]),
    ("clusterroles", {"rules": [{"verbs": ["get", "impersonate"]}]}, ["escalating-verb"]),
    ("clusterrolebindings", {"roleRef": {"name": "cluster-admin"}, "subjects": [{"name": "ann"}]}, ["cluster-admin"]),
    ("rolebindings", {"roleRef": {"name": "admin"}, "subjects": [{"name": "system:unauthenticated"}]}, ["anonymous-subject"]),
    ("deployments", [{"op": "add", "path": "/spec/template/spec/hostPID", "value": True}], ["host-pid"]),
    ("pods", [{"op": "replace", "path": "/spec/containers/1", "value": secured(privileged=True)}], ["privileged"]),
    ("roles", [{"op": "add", "path": "/rules/0/verbs/-", "value": "*"}], ["any-verb"]),
    ("deployments", [{"op": "test", "path": "/spec/template/spec/hostPID", "value": True}], []),
    ("deployments", [{"op": "remove", "path": "/spec/template/spec/hostPID"}, {"op": "add", "path": 5, "value": 1}, "x", [1]], []),
    ("pods", "hostPID", []),
    ("pods", {"spec": {"hostPID": "true", "containers": "privileged", "volumes": [{"hostPath": "/"}]}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "body", "words"), TOLD)
def test_what_an_object_asks_for(resource: str, body: Any, words: list[str]) -> None:
    assert sent(resource, body) == words


def test_every_word_but_one_comes_from_an_object() -> None:
    assert {word for _, _, words in TOLD for word in words} | {"anonymous"} == set(signs.SIGNS)


def test_the_page_lists_them_all() -> None:
    page = (Path(__file__).parents[2] / "docs" / "kube-audit.md").read_text(encoding="utf-8")
    table = page.partition("| sign |")[2].partition("\n\n")[0].splitlines()[2:]
    assert [word for row in table for word in re.findall(r"`([\w-]+)`", row.split("|")[1])] == list(signs.SIGNS)


@pytest.mark.parametrize("user", sorted(signs.ANONYMOUS))
def test_who_proved_nothing_is_anonymous_at_every_level(user: str) -> None:
    assert signs_in(event_of("pods", user=user, verb="get", level="Metadata")) == ["anonymous"]
    assert signs_in(event_of("pods", pod(hostPID=True), user=user)) == ["anonymous", "host-pid"]
    as_ann = event_of("pods", user=user, impersonatedUser={"username": "ann"})
    assert signs_in(as_ann) == []


def test_an_event_without_an_object_says_nothing() -> None:
    for resource in READ_FOR:
        for event in (event_of(resource, level="Metadata"), event_of(resource, level="Metadata", requestObject=None)):
            assert signs.FIELD not in event.fields
            assert LINE(event).split()[:4] == ["create", resource, "<whole>", "<no-signs>"]


def test_many_harmless_rules_hide_no_wildcard() -> None:
    rules = [{"verbs": [f"v{n}", f"w{n}"]} for n in range(1000)]
    assert sent("clusterroles", {"rules": [*rules, {"verbs": ["*"]}]}) == ["any-verb"]


def test_no_two_events_share_their_signs() -> None:
    first, second = (event_of("pods", user="system:anonymous", verb="get").fields[signs.FIELD] for _ in range(2))
    assert first == second == ["anonymous"]
    assert first is not second


GOLDEN_SIGNS = {
    "falco.log": {
        "anonymous": 1, "any-verb": 1, "any-resource": 1, "host-network": 1, "privileged": 2, "host-path": 2,
    },
    "panther.log": {"anonymous": 3},
    "audit2rbac.log": {},
    "crowdsec.log": {},
}  # fmt: skip


@pytest.mark.parametrize("log", GOLDEN_SIGNS)
def test_real_requests(log: str) -> None:
    """Of the pods in Falco's traces, those that its rules name; nothing in a demo's ordinary administration."""
    events = [event for line in (GOLDEN / log).read_bytes().splitlines() for event in decoded(line)]
    told = [word for event in events for word in signs_in(event)]
    assert {word: told.count(word) for word in told} == GOLDEN_SIGNS[log]


def test_without_their_bodies_real_requests_say_nothing_of_them() -> None:
    for line in (GOLDEN / "falco.log").read_bytes().splitlines():
        log = json.loads(line)
        log.pop("requestObject", None)
        [event] = decoded(json.dumps(log | {"level": "Metadata"}).encode())
        assert signs_in(event) in ([], ["anonymous"])


RULES_OF_TRACES = {
    "create_nginx_pod_privileged_2nd_container.json": ["privileged"],
    "create_nginx_pod_no_secctx_1st_container_privileged_2nd_container.json": ["privileged"],
    "create_nginx_pod_unprivileged.json": [],
    "create_nginx_pod_sensitive_mount.json": ["host-path"],
    "create_nginx_pod_sensitive_mount_2nd_container.json": ["host-path"],
    "create_nginx_pod_hostnetwork.json": ["host-network"],
    "create_nginx_pod_nohostnetwork.json": [],
    "create_cluster_role_wildcard_resources.json": ["any-resource"],
    "create_cluster_role_wildcard_verbs.json": ["any-verb"],
    "create_cluster_role_pod_exec.json": [],
    "anonymous_creates_namespace_foo.json": ["anonymous"],
    "some-user_creates_namespace_foo.json": [],
}


@pytest.mark.data
@pytest.mark.parametrize("trace", RULES_OF_TRACES)
def test_traces_tell_what_falcos_rules_look_for(data: Path, trace: str) -> None:
    events = [event for line in (data / FALCO / trace).read_bytes().splitlines() for event in decoded(line)]
    assert [signs_in(event) for event in events] == [RULES_OF_TRACES[trace]]


_WORDS = st.sampled_from([*signs.SIGNS, "*", "bind", "cluster-admin", "SYS_ADMIN", "CAP_CHOWN", "Unmasked", *signs.ANONYMOUS])
_LEAVES = st.booleans() | st.none() | st.integers(0, 99) | _WORDS | st.text(max_size=9)
_NAMES = st.sampled_from(sorted({part for name in signs.rules_of(("spec", "template.spec"), ("containers", "initContainers"))
                                 for part in name.removeprefix("kubernetes.audit.requestObject.").split(".")}))  # fmt: skip
_BODIES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=20
)
_PATCHES = st.lists(
    st.fixed_dictionaries({
        "op": st.sampled_from(["add", "replace", "remove", "x"]), "value": _BODIES,
        "path": st.lists(_NAMES | st.sampled_from(["0", "-", "", "~1"]), max_size=20).map("/".join) | st.text(max_size=9),
    }), max_size=3,
)  # fmt: skip


@settings(max_examples=300)
@given(resource=st.sampled_from(sorted(READ_FOR)), body=_BODIES | _PATCHES)
def test_no_value_of_a_request_becomes_a_word(resource: str, body: Any) -> None:
    """Whatever was sent, the words are of the list, each once and in its order, and the line has them in one place."""
    event = event_of(resource, body)
    words = signs_in(event)
    assert words == [word for word in signs.SIGNS if word in words]
    assert LINE(event).split()[3] == (",".join(words) or "<no-signs>")


@settings(max_examples=100)
@given(text=st.text(min_size=1, max_size=30).filter(lambda text: "*" not in text))
def test_names_paths_and_images_change_nothing(text: str) -> None:
    """A pod and a role that differ in their free texts alone are one line to a detector."""
    other = pod({"name": text, "image": text, "command": [text]}, nodeName=text, volumes=[{"hostPath": {"path": text}}])
    assert LINE(event_of("pods", other)) == LINE(event_of("pods", pod(volumes=[{"hostPath": {"path": "/"}}])))
    rules = [{"verbs": ["*"], "resources": [text], "resourceNames": [text], "nonResourceURLs": [text]}]
    assert LINE(event_of("roles", {"metadata": {"name": text}, "rules": rules})) == LINE(
        event_of("roles", {"rules": [{"verbs": ["*"]}]})
    )


def _ordinary() -> list[Event]:
    pods = [event_of("pods", pod(secured(privileged=False)), user=user) for user in USERS]
    agents = [event_of("pods", pod(volumes=[{"hostPath": {"path": "/var/log"}}]), user="daemon-set-controller")]
    reads = [event_of("secrets", user=user, verb="get") for user in USERS]
    bindings = [event_of("rolebindings", {"roleRef": {"name": role}}, user=user) for user in USERS for role in ("view", "edit")]
    return [*pods, *agents, *reads, *bindings] * 3


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (event_of("pods", pod(), user="zoe"), True),
        (event_of("pods", pod(secured(privileged=True))), False),
        (event_of("pods", pod(hostPID=True)), False),
        (event_of("pods", pod(hostPID=True, volumes=[{"hostPath": {"path": "/"}}]), user="daemon-set-controller"), False),
        (event_of("pods", pod(volumes=[{"hostPath": {"path": "/etc"}}]), user="daemon-set-controller"), True),
        (event_of("secrets", user="zoe", verb="get"), True),
        (event_of("secrets", user="system:anonymous", verb="get"), False),
        (event_of("rolebindings", {"roleRef": {"name": "view"}}), True),
        (event_of("rolebindings", {"roleRef": {"name": "cluster-admin"}}), False),
    ],
)
def test_keys_of_ordinary_requests_are_no_keys_of_dangerous_ones(asked: Event, known: bool) -> None:
    """Templates join users and roles, and so would join a pod that takes its host, or somebody who never logged in."""
    keys = LogKeys.learn(KubeAudit.profile, _ordinary())
    assert (UNK not in keys.encode(Window("", (asked,)))) == known
