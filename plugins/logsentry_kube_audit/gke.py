"""Audit entries of Google Cloud Logging (GKE): the same request, told in the words of Google's `AuditLog`.

`protoPayload` is `google.cloud.audit.AuditLog`; its method is `io.k8s.core.v1.pods.exec.create`, its resource
`core/v1/namespaces/default/pods/web-0/exec`, and its status a `google.rpc.Code`.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from logsentry.sdk import Value
from logsentry_kube_audit.line import NOTHING, Line, ObjectReference, Wrapper, given

# google/rpc/code.proto says which HTTP status each code stands for.
_HTTP_OF_CODE = {
    0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503,
    15: 500, 16: 401,
}  # fmt: skip
_OURS = "io.k8s."


class Authentication(msgspec.Struct):
    principalEmail: str | None = None
    authoritySelector: str | None = None
    principalSubject: str | None = None


class Authorization(msgspec.Struct):
    granted: bool | None = None
    permission: str | None = None
    resource: str | None = None


class RequestMetadata(msgspec.Struct):
    callerIp: str | None = None
    callerIP: str | None = None
    callerSuppliedUserAgent: str | None = None


class RpcStatus(msgspec.Struct):
    code: int = 0
    message: str | None = None


class AuditLog(msgspec.Struct):
    serviceName: str | None = None
    methodName: str | None = None
    resourceName: str | None = None
    requestURI: str | None = None
    authenticationInfo: Authentication | None = None
    authorizationInfo: list[Authorization] | None = None
    requestMetadata: RequestMetadata | None = None
    status: RpcStatus | None = None
    request: Raw = NOTHING
    response: Raw = NOTHING


class MonitoredResource(msgspec.Struct):
    type: str | None = None
    labels: dict[str, str] | None = None


_read_log = msgspec.json.Decoder(AuditLog).decode
_read_resource = msgspec.json.Decoder(MonitoredResource | None).decode
_read_labels = msgspec.json.Decoder(dict[str, str] | None).decode


def line_of(entry: Wrapper) -> Line | None:
    """The entry as an audit line, or None where it is about another service than Kubernetes."""
    log = _read_log(entry.protoPayload)
    method = _method(log)
    if not (method.startswith(_OURS) or log.serviceName == "k8s.io"):
        return None
    who, caller = log.authenticationInfo or Authentication(), log.requestMetadata or RequestMetadata()
    name = who.principalEmail or who.authoritySelector or who.principalSubject
    address = caller.callerIp or caller.callerIP
    return Line(
        kind="Event",
        auditID=entry.insertId,
        stage="ResponseComplete",
        requestURI=log.requestURI or _uri(log.resourceName),
        verb=method.rpartition(".")[2],
        user=_raw({"username": name}) if name else NOTHING,
        sourceIPs=_raw([address]) if address else NOTHING,
        userAgent=caller.callerSuppliedUserAgent,
        objectRef=object_of(method, log.resourceName or ""),
        responseStatus=_status(log.status),
        requestObject=log.request,
        responseObject=log.response,
        stageTimestamp=entry.timestamp if isinstance(entry.timestamp, str) else None,
        annotations=_notes(entry, log),
    )


def object_of(method: str, path: str) -> ObjectReference:
    """`io.k8s.core.v1.pods.exec.create` and `core/v1/namespaces/default/pods/web-0/exec` name resource, place and name.

    >>> found = object_of("io.k8s.core.v1.pods.exec.create", "core/v1/namespaces/default/pods/web-0/exec")
    >>> found.resource, found.subresource, found.namespace, found.name
    ('pods', 'exec', 'default', 'web-0')
    """
    words = method.removeprefix("io.k8s.").split(".")[:-1]
    version = next((at for at, word in enumerate(words) if word[:1] == "v" and word[1:2].isdigit()), -1)
    kinds = words[version + 1 :]
    group, _, rest = path.partition("/")
    api, _, rest = rest.partition("/")
    place = rest.split("/") if rest else []
    about = ObjectReference(apiGroup="" if group == "core" else group, apiVersion=api or None)
    if len(place) > 2 and place[0] == "namespaces":
        about.namespace, place = place[1], place[2:]
    about.resource = kinds[0] if kinds else (place[0] if place else None)
    about.name = place[1] if len(place) > 1 else None
    about.subresource = kinds[1] if len(kinds) > 1 else (place[2] if len(place) > 2 else None)
    return about


def cluster_fields(entry: Wrapper) -> dict[str, Value]:
    """Which cluster and project the entry is from."""
    labels = (_read_resource(entry.resource) or MonitoredResource()).labels or {} if given(entry.resource) else {}
    told = {
        "orchestrator.cluster.name": labels.get("cluster_name"),
        "cloud.project.id": labels.get("project_id"),
        "cloud.availability_zone": labels.get("location"),
    }
    return {"cloud.provider": "gcp", **{name: value for name, value in told.items() if value}}


def _method(log: AuditLog) -> str:
    """The method, or the permission that was asked for where another service called Kubernetes."""
    asked = [each.permission for each in log.authorizationInfo or () if (each.permission or "").startswith(_OURS)]
    method = log.methodName or ""
    return method if method.startswith(_OURS) or not asked else str(asked[0])


def _uri(resource: str | None) -> str | None:
    """The path of the API that Google's name of a resource stands for: its core group has no name there."""
    if not resource or resource.count("/") < 2:
        return None
    return f"/api/{resource.removeprefix('core/')}" if resource.startswith("core/") else f"/apis/{resource}"


def _status(status: RpcStatus | None) -> Raw:
    if status is None:
        return NOTHING
    return _raw({"code": _HTTP_OF_CODE.get(status.code, status.code), "message": status.message})


def _notes(entry: Wrapper, log: AuditLog) -> Raw:
    notes = (_read_labels(entry.labels) or {}) if given(entry.labels) else {}
    granted = [each.granted for each in log.authorizationInfo or () if each.granted is not None]
    if granted:
        notes.setdefault("authorization.k8s.io/decision", "allow" if all(granted) else "forbid")
    return _raw(notes) if notes else NOTHING


def _raw(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))
