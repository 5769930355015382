"""The sent object: of a request's body, which may have megabytes, the fields that decide whether it is dangerous.

They are those that detection rules read (Falco's and Panther's Kubernetes rules, the Pod Security Standards), under their own
names below `kubernetes.audit.requestObject`, with one type each. A value inside a list gives a list of all of them; a flag inside
one is true where any of them is. Everything else stays in `event.original`: taken whole, bodies would bring thousands of names,
some of which are now a number and now a text. What they ask for is told in words of a closed list too (`signs.py`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from logsentry.sdk import Value
from logsentry_kube_audit import signs

_PREFIX = "kubernetes.audit.requestObject."
_MOST_VALUES = 256
_DEEPEST = 16  # steps of a patch's path; the deepest field here has nine
_POD_SPECS = (
    "spec",
    "spec.template.spec",
    "spec.jobTemplate.spec.template.spec",
    "template.spec",
)  # pod, workload, cron job, template
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_OF_CONTAINER: dict[str, type] = {
    "image": str, "name": str, "command": str, "args": str, "volumeMounts.mountPath": str, "ports.hostPort": int,
    "securityContext.privileged": bool, "securityContext.allowPrivilegeEscalation": bool, "securityContext.runAsUser": int,
    "securityContext.capabilities.add": str, "securityContext.procMount": str,
}  # fmt: skip
_OF_POD: dict[str, type] = {
    "hostNetwork": bool, "hostPID": bool, "hostIPC": bool, "serviceAccountName": str, "nodeName": str, "shareProcessNamespace": bool,
    "volumes.hostPath.path": str, "volumes.secret.secretName": str, "securityContext.runAsUser": int,
    **{f"{group}.{name}": kind for group in _CONTAINERS for name, kind in _OF_CONTAINER.items()},
}  # fmt: skip
_FIELDS: dict[str, type] = {
    "kind": str, "apiVersion": str, "metadata.name": str, "metadata.namespace": str, "metadata.generateName": str, "type": str,
    "rules.apiGroups": str, "rules.resources": str, "rules.verbs": str, "rules.resourceNames": str, "rules.nonResourceURLs": str,
    "roleRef.kind": str, "roleRef.name": str, "subjects.kind": str, "subjects.name": str, "subjects.namespace": str,
    "spec.type": str, "spec.externalIPs": str, "spec.rules.host": str, "spec.rules.http.paths.path": str, "spec.tls.hosts": str,
    "spec.tls.secretName": str, "spec.hostPath.path": str, "spec.signerName": str, "spec.usages": str, "spec.audiences": str,
    "spec.expirationSeconds": int, "spec.unschedulable": bool, "webhooks.name": str, "webhooks.clientConfig.url": str,
    "webhooks.failurePolicy": str, "automountServiceAccountToken": bool, "propagationPolicy": str, "op": str, "path": str,
    **{f"{where}.{name}": kind for where in _POD_SPECS for name, kind in _OF_POD.items()},
}  # fmt: skip
_LISTS = frozenset(
    {"rules", "subjects", "volumes", "ports", "volumeMounts", "webhooks", "tls", "paths", *_CONTAINERS}
    | {
        "apiGroups",
        "resources",
        "verbs",
        "resourceNames",
        "nonResourceURLs",
        "externalIPs",
        "hosts",
        "usages",
        "audiences",
        "add",
    }
    | {"command", "args", "op", "path"}
)
READ_FOR = frozenset({
    "pods", "deployments", "daemonsets", "replicasets", "statefulsets", "replicationcontrollers", "podtemplates", "jobs",
    "cronjobs", "services", "ingresses", "configmaps", "secrets", "serviceaccounts", "roles", "clusterroles", "rolebindings",
    "clusterrolebindings", "certificatesigningrequests", "mutatingwebhookconfigurations", "validatingwebhookconfigurations",
    "persistentvolumes", "namespaces", "nodes", "networkpolicies", "podsecuritypolicies", "validatingadmissionpolicies",
})  # fmt: skip
"""Resources whose bodies are read; leases, endpoints and events, which are most of a log, are not among them."""
_read: Any = msgspec.json.Decoder().decode


class Created(msgspec.Struct):
    """What the answer says of a new object: its name where the server chose it."""

    class Metadata(msgspec.Struct):
        name: Any = None

    kind: Any = None
    metadata: Metadata | None = None


_read_created = msgspec.json.Decoder(Created | list[Any] | str | int | float | bool | None, strict=False).decode


def request_fields(data: bytes) -> dict[str, Value]:
    """Fields of a sent object, or of a JSON patch (`op` and `path` of its steps), and its signs; none where it is something else."""
    body = _read(data)
    fields: dict[str, Any] = {}
    if type(body) is dict:
        _collect(body, _TREE, fields)
        words = signs.signs_of(fields, _RULES)
    else:
        _collect_each(body if type(body) is list else [], _TREE, fields)
        words = signs.signs_of(_patched(body), _RULES)
    for name, told in fields.items():
        if type(told) is list and len(told) > 1:
            fields[name] = list(dict.fromkeys(told[:_MOST_VALUES]))
    if isinstance(body, dict) and body.get("kind") in ("ConfigMap", "Secret"):
        _add_content(body, fields)
    if words:
        fields[signs.FIELD] = words
    return fields


def _patched(steps: Any) -> dict[str, Any]:
    """Fields that the steps of a JSON patch (RFC 6902) would set; numbers and `-` in a path are places in lists."""
    fields: dict[str, Any] = {}
    for step in steps if type(steps) is list else ():
        if type(step) is not dict or step.get("op") not in ("add", "replace") or type(path := step.get("path")) is not str:
            continue
        body = step.get("value")
        for name in reversed(path.split("/", _DEEPEST)):
            if name and name != "-" and not name.isdecimal():
                body = {name: body}
        if type(body) is dict:
            _collect(body, _TREE, fields)
    return fields


def _add_content(body: dict[str, Any], fields: dict[str, Value]) -> None:
    """The keys of a configuration map or secret, and a map's whole text, which rules search for credentials; never a secret's."""
    parts = [body[name] for name in ("data", "stringData", "binaryData") if isinstance(body.get(name), dict)]
    if keys := [key for part in parts for key in part if key]:
        fields[_PREFIX + "data_keys"] = keys[:_MOST_VALUES]
    if body["kind"] == "ConfigMap" and isinstance(body.get("data"), dict) and body["data"]:
        fields[_PREFIX + "data"] = msgspec.json.encode(body["data"]).decode()


def created_name(data: bytes) -> str:
    """The name in the answer's metadata, for objects that were sent with `generateName`, or with none at all."""
    answer = _read_created(data)
    name = answer.metadata.name if isinstance(answer, Created) and answer.metadata is not None else None
    return name if isinstance(name, str) else ""


class _Leaf(msgspec.Struct, frozen=True):
    """A field with the type that its values need to have; `many` makes a list of them."""

    name: str
    kind: type
    many: bool

    def add(self, told: Any, fields: dict[str, Any]) -> None:
        """Adds what stands in a body: of several texts or numbers the first, unless there may be many; of several flags any."""
        for value in told if type(told) is list else (told,):
            if type(value) is not self.kind or value == "":
                continue
            if self.many:
                fields.setdefault(self.name, []).append(value)
            elif self.kind is bool:
                fields[self.name] = value or fields.get(self.name, False)
            else:
                fields.setdefault(self.name, value)


def _grown(fields: dict[str, type]) -> dict[str, Any]:
    """`{"a.b": str}` -> `{"a": {"b": leaf}}`."""
    tree: dict[str, Any] = {}
    for name, kind in fields.items():
        *parents, last = name.split(".")
        inner = tree
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = _Leaf(_PREFIX + name, kind, kind is not bool and not _LISTS.isdisjoint(name.split(".")))
    return tree


_TREE = _grown(_FIELDS)
IMAGES_IN_ORDER = tuple(_PREFIX + name for name in _FIELDS if name.endswith("ontainers.image"))
IMAGES = frozenset(IMAGES_IN_ORDER)
_RULES = signs.rules_of(_POD_SPECS, _CONTAINERS)


def _collect(body: dict[str, Any], tree: dict[str, Any], fields: dict[str, Any]) -> None:
    """The values of each known leaf; a list on the way is walked through, whatever else it holds than objects."""
    for key, under in body.items():
        branch = tree.get(key)
        if branch is None:
            continue
        if type(branch) is _Leaf:
            branch.add(under, fields)
        elif type(under) is dict:
            _collect(under, branch, fields)
        elif type(under) is list:
            _collect_each(under, branch, fields)


def _collect_each(bodies: list[Any], tree: dict[str, Any], fields: dict[str, Any]) -> None:
    for body in bodies:
        if type(body) is dict:
            _collect(body, tree, fields)
