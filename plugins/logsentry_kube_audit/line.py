"""One audit event as `kube-apiserver` writes it, and the layouts around it, as typed structs.

The names are those of the Kubernetes API (`staging/src/k8s.io/apiserver/pkg/apis/audit/v1/types.go`; v1alpha1 and v1beta1 add
`timestamp` and `metadata`). What may be large, or is the same from line to line, stays `Raw`: it is checked to be JSON and not
decoded. `parts.py` reads the small pieces, `bodies.py` the objects.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

NOTHING = Raw()


class ObjectReference(msgspec.Struct, gc=False):
    """What a request is about; absent for paths such as `/readyz`."""

    resource: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    apiGroup: str | None = None
    apiVersion: str | None = None
    resourceVersion: str | None = None
    subresource: str | None = None


class Line(msgspec.Struct, gc=False):
    """One stage of one request. The order of the fields is that of the server, which makes reading faster."""

    kind: str | None = None
    apiVersion: str | None = None
    level: str | None = None
    auditID: str | None = None
    stage: str | None = None
    requestURI: str | None = None
    verb: str | None = None
    user: Raw = NOTHING
    impersonatedUser: Raw = NOTHING
    sourceIPs: Raw = NOTHING
    userAgent: str | None = None
    objectRef: ObjectReference | None = None
    responseStatus: Raw = NOTHING
    requestObject: Raw = NOTHING
    responseObject: Raw = NOTHING
    requestReceivedTimestamp: str | None = None
    stageTimestamp: str | None = None
    annotations: Raw = NOTHING
    timestamp: Any = None
    metadata: Raw = NOTHING

    @property
    def is_audit(self) -> bool:
        """Whether this is an audit event: neither a wrapper around one, nor the `Event` of the core API (which has no verb)."""
        if self.kind == "Event":
            return bool(self.verb or self.auditID or (self.apiVersion or "").startswith("audit.k8s.io/"))
        return self.kind is None and bool(self.auditID and (self.verb or self.stage))


class Wrapper(msgspec.Struct):
    """Every key that one of the known layouts has around its events."""

    kind: str | None = None
    # audit webhook (`EventList`)
    items: Raw = NOTHING
    # Azure Monitor: AKS
    category: str | None = None
    operationName: str | None = None
    resourceId: str | None = None
    serviceBuild: str | None = None
    time: str | None = None
    properties: Raw = NOTHING
    records: Raw = NOTHING
    # Google Cloud Logging: GKE
    protoPayload: Raw = NOTHING
    jsonPayload: Raw = NOTHING
    textPayload: Raw = NOTHING
    insertId: str | None = None
    labels: Raw = NOTHING
    resource: Raw = NOTHING
    timestamp: Any = None
    # Amazon CloudWatch: EKS
    log_events: Raw = msgspec.field(default=NOTHING, name="logEvents")
    events: Raw = NOTHING
    insights: Raw = msgspec.field(default=NOTHING, name="@message")
    # collectors: Docker's json-file and Fluent Bit, Filebeat and Logstash
    log: Raw = NOTHING
    message: Raw = NOTHING


read_line = msgspec.json.Decoder(Line).decode
read_wrapper = msgspec.json.Decoder(Wrapper).decode
read_list = msgspec.json.Decoder(list[Raw]).decode


def given(raw: Raw) -> bool:
    """Whether a value is there and is not null."""
    return len(raw) > 0 and bytes(raw) != b"null"
