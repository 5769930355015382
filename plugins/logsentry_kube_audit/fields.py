"""One audit line as ECS: names of Elastic's `kubernetes.audit_logs`, and below `kubernetes.audit.` those of the API itself.

Most lines differ from an earlier one in their id, times and object alone. What is left is made once for each combination
(`_made`) and copied; lists are made anew for each event, so that no two events share one.
"""

from __future__ import annotations

import msgspec

from logsentry.sdk import Value
from logsentry_kube_audit import bodies, parts, signs
from logsentry_kube_audit.line import Line, ObjectReference

_KEPT = 4096
_KEPT_LENGTH = 4096  # bytes of the parts together; longer ones are made anew each time
_TYPE_OF_VERB = {
    "get": "access", "list": "access", "watch": "access", "create": "creation", "update": "change", "patch": "change",
    "delete": "deletion", "deletecollection": "deletion",
}  # fmt: skip
_OUTCOME_OF_DECISION = {"allow": "success", "forbid": "failure"}
_DECISION = "kubernetes.audit.annotations.authorization_k8s_io/decision"


class Common(msgspec.Struct, frozen=True):
    """What lines of one user, program, verb and answer share; `before` and `after` stand around the object in the message."""

    fields: dict[str, Value]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    before: str
    after: str


Key = tuple[bytes, str | None, str | None, str | None, str | None, str | None]
_kept: dict[Key, Common] = {}  # the oldest is thrown away first
forget = _kept.clear


def described(line: Line) -> tuple[dict[str, Value], str]:
    """Fields and message of one line, such as `bob list pods in default: 403`. Values that are empty are absent."""
    common = _of(line)
    fields = common.fields.copy()
    for name, values in common.lists:
        fields[name] = [*values]
    if line.auditID:
        fields["kubernetes.audit.auditID"] = line.auditID
    if line.requestReceivedTimestamp:
        fields["kubernetes.audit.requestReceivedTimestamp"] = line.requestReceivedTimestamp
    if line.stageTimestamp:
        fields["kubernetes.audit.stageTimestamp"] = line.stageTimestamp
    if line.requestURI:
        _add_uri(line.requestURI, fields)
    about = line.objectRef
    what = (line.requestURI or "something") if about is None else _add_object(about, fields)
    if len(line.requestObject) > 4 and (about is None or about.resource in bodies.READ_FOR):
        _add_body(line, fields)
    return fields, f"{common.before}{what}{common.after}"


def _of(line: Line) -> Common:
    # No JSON holds a zero byte, so the pieces cannot run into each other; one key of them all is quicker than five.
    told = b"\0".join((line.user, line.impersonatedUser, line.sourceIPs, line.responseStatus, line.annotations))
    key = (told, line.apiVersion, line.level, line.stage, line.verb, line.userAgent)
    common = _kept.get(key)
    if common is None:
        common = _made(line)
        if len(told) + len(line.userAgent or "") < _KEPT_LENGTH:
            _keep(key, common)
    return common


def _keep(key: Key, common: Common) -> None:
    _kept[key] = common
    if len(_kept) > _KEPT:
        _kept.pop(next(iter(_kept)), None)


def _made(line: Line) -> Common:
    pieces = (
        parts.user(bytes(line.user)),
        parts.impersonated(bytes(line.impersonatedUser)),
        parts.addresses(bytes(line.sourceIPs)),
        parts.status(bytes(line.responseStatus)),
        parts.notes(bytes(line.annotations)),
    )
    verb, version, stage, agent = line.verb, line.apiVersion, line.stage, line.userAgent
    names = (
        ("kubernetes.audit.apiVersion", version), ("orchestrator.api_version", version), ("kubernetes.audit.level", line.level),
        ("kubernetes.audit.stage", stage), ("kubernetes.audit.verb", verb), ("event.action", verb),
        ("kubernetes.audit.userAgent", agent), ("user_agent.original", agent),
    )  # fmt: skip
    scalars: dict[str, Value] = {"event.kind": "event", "orchestrator.type": "kubernetes", "kubernetes.audit.kind": "Event"}
    for piece in pieces:
        scalars.update(piece.scalars)
    scalars.update((name, value) for name, value in names if value)
    _add_outcome(scalars)
    lists = (
        ("event.category", ("api",)),
        ("event.type", _types(verb, scalars)),
        *(each for piece in pieces for each in piece.lists),
    )
    if users := _users(scalars):
        lists = (*lists, ("related.user", users))
    if scalars.get("user.effective.name") in signs.ANONYMOUS:
        lists = (*lists, (signs.FIELD, ("anonymous",)))
    answer = scalars.get("http.response.status_code", scalars.get("event.outcome", stage or "no answer"))
    fields: dict[str, Value] = {**scalars, **{name: [*values] for name, values in lists}}  # so that a copy has room for them
    return Common(fields, lists, f"{scalars.get('user.effective.name', 'somebody')} {verb or '-'} ", f": {answer}")


def _add_uri(uri: str, fields: dict[str, Value]) -> None:
    fields["kubernetes.audit.requestURI"] = fields["url.original"] = uri
    path, _, query = uri.partition("?")
    if path:
        fields["url.path"] = path
    if query:
        fields["url.query"] = query


def _add_object(about: ObjectReference, fields: dict[str, Value]) -> str:
    """Adds what the request is about, and answers it for the message: `pods/exec web-0 in default`."""
    told = ""
    if about.resource:
        fields["kubernetes.audit.objectRef.resource"] = fields["orchestrator.resource.type"] = told = about.resource
    if about.subresource:
        fields["kubernetes.audit.objectRef.subresource"] = about.subresource
        told = f"{told}/{about.subresource}"
    if about.name:
        fields["kubernetes.audit.objectRef.name"] = fields["orchestrator.resource.name"] = about.name
        told = f"{told} {about.name}"
    if about.namespace:
        fields["kubernetes.audit.objectRef.namespace"] = fields["orchestrator.namespace"] = about.namespace
        told = f"{told} in {about.namespace}"
    if about.uid:
        fields["kubernetes.audit.objectRef.uid"] = fields["orchestrator.resource.id"] = about.uid
    if about.apiGroup:
        fields["kubernetes.audit.objectRef.apiGroup"] = about.apiGroup
    if about.apiVersion:
        fields["kubernetes.audit.objectRef.apiVersion"] = about.apiVersion
    if about.resourceVersion:
        fields["kubernetes.audit.objectRef.resourceVersion"] = about.resourceVersion
    return told


def _add_body(line: Line, fields: dict[str, Value]) -> None:
    found = bodies.request_fields(bytes(line.requestObject))
    if signs.FIELD in found:
        found[signs.FIELD] = [*_list(fields.get(signs.FIELD)), *_list(found[signs.FIELD])]
    fields.update(found)
    if not bodies.IMAGES.isdisjoint(found):
        fields["container.image.name"] = [image for name in bodies.IMAGES_IN_ORDER for image in _list(found.get(name))]
    if "orchestrator.resource.name" not in fields:
        name = bodies.created_name(bytes(line.responseObject)) if len(line.responseObject) > 4 else ""
        if name := name or str(found.get("kubernetes.audit.requestObject.metadata.name", "")):
            fields["orchestrator.resource.name"] = name


def _list(value: Value | None) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _types(verb: str | None, fields: dict[str, Value]) -> tuple[str, ...]:
    """`event.type`, as ECS lists them for the category `api`."""
    kind = _TYPE_OF_VERB.get(verb or "", "info")
    decision = fields.get(_DECISION)
    if decision == "forbid" or fields.get("http.response.status_code") in (401, 403):
        return (kind, "denied")
    return (kind, "allowed") if decision == "allow" else (kind,)


def _add_outcome(fields: dict[str, Value]) -> None:
    """Where there is no answer yet, the authorizer's decision is all that is known."""
    decision = str(fields.get(_DECISION, ""))
    if "event.outcome" not in fields and decision in _OUTCOME_OF_DECISION:
        fields["event.outcome"] = _OUTCOME_OF_DECISION[decision]


def _users(fields: dict[str, Value]) -> tuple[str, ...]:
    names = ("user.name", "user.id", "user.effective.name", "user.effective.id")
    return tuple(dict.fromkeys(str(fields[name]) for name in names if name in fields))
