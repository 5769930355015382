"""Signs: words for what a sent object asks for that Kubernetes' own guides warn of, out of a closed list.

A detector of keys cannot learn that `hostPID` is dangerous from its name among a thousand others, and must not learn paths, images
or names of roles. So what a request asks for becomes words that are written here; no value of a request is ever one of them.

Sources: the Pod Security Standards (kubernetes.io/docs/concepts/security/pod-security-standards, policy *baseline*) for pods;
RBAC Good Practices (kubernetes.io/docs/concepts/security/rbac-good-practices) for roles, bindings and volumes; the Threat Matrix
for Kubernetes (microsoft.github.io/Threat-Matrix-for-Kubernetes) names the same as techniques.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

SIGNS = (
    "anonymous", "privileged", "capability", "host-pid", "host-ipc", "host-network", "host-port", "host-path", "proc-mount",
    "any-verb", "any-resource", "any-group", "escalating-verb", "cluster-admin", "anonymous-subject",
)  # fmt: skip
"""All words that there are, in the order in which an event tells them."""
FIELD = "kubernetes.audit.signs"
ANONYMOUS = frozenset({"system:anonymous", "system:unauthenticated"})
"""The user and the group of a request that proved nothing (kubernetes.io/docs/reference/access-authn-authz/authentication)."""
_HARMLESS = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
    "SETUID", "SYS_CHROOT",
})  # fmt: skip
"""Capabilities that *baseline* lets a container add, since runtimes give them anyway."""
_ESCALATING = frozenset({"escalate", "bind", "impersonate"})
_BODY = "kubernetes.audit.requestObject."
Test = Callable[[Any], bool]
Rules = Mapping[str, tuple[tuple[str, Test], ...]]
"""{field of a sent object: the words that its value may give, each with its test}"""


def _is_true(told: Any) -> bool:
    return told is True


def _is_there(told: Any) -> bool:
    return bool(told)


def _holds(words: frozenset[str]) -> Test:
    return lambda told: not words.isdisjoint(told if type(told) is list else (told,))


def _adds_capability(told: Any) -> bool:
    return any(name.upper().removeprefix("CAP_") not in _HARMLESS for name in told)


_ANY = _holds(frozenset({"*"}))
_OF_CONTAINER: dict[str, tuple[str, Test]] = {
    "securityContext.privileged": ("privileged", _is_true),
    "securityContext.capabilities.add": ("capability", _adds_capability),
    "securityContext.procMount": ("proc-mount", _holds(frozenset({"Unmasked"}))),
    "ports.hostPort": ("host-port", any),
}
_OF_POD: dict[str, tuple[str, Test]] = {
    "hostPID": ("host-pid", _is_true),
    "hostIPC": ("host-ipc", _is_true),
    "hostNetwork": ("host-network", _is_true),
    "volumes.hostPath.path": ("host-path", _is_there),
}
_OF_OBJECT: dict[str, tuple[str, Test]] = {
    "spec.hostPath.path": ("host-path", _is_there),  # a persistent volume, which any pod may then claim
    "rules.verbs": ("any-verb", _ANY),
    "rules.resources": ("any-resource", _ANY),
    "rules.apiGroups": ("any-group", _ANY),
    "roleRef.name": ("cluster-admin", _holds(frozenset({"cluster-admin"}))),
    "subjects.name": ("anonymous-subject", _holds(ANONYMOUS)),
}


def rules_of(pod_specs: Iterable[str], containers: Iterable[str]) -> Rules:
    """The rules for pods that lie at any of these places of an object, with these lists of containers."""
    of_pod = {**_OF_POD, **{f"{kind}.{name}": rule for kind in containers for name, rule in _OF_CONTAINER.items()}}
    rules: dict[str, tuple[tuple[str, Test], ...]] = {name: (rule,) for name, rule in _OF_OBJECT.items()}
    rules |= {f"{where}.{name}": (rule,) for where in pod_specs for name, rule in of_pod.items()}
    rules["rules.verbs"] += (("escalating-verb", _holds(_ESCALATING)),)
    return {_BODY + name: rule for name, rule in rules.items()}


def signs_of(found: Mapping[str, Any], rules: Rules) -> list[str]:
    """The words that the fields of a sent object give, in the order of `SIGNS`; most objects have no field that a rule reads."""
    if rules.keys().isdisjoint(found):
        return []
    words = {word for name in found if name in rules for word, test in rules[name] if test(found[name])}
    return [word for word in SIGNS if word in words] if words else []
