"""Layouts that audit events travel in: webhook lists, Azure, Google and Amazon exports, and what log collectors put around them.

`unwrap` goes inwards until it meets audit events. What a layout says of the cluster goes with each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from logsentry.sdk import BadRecord, Filtered, Value
from logsentry_kube_audit import gke
from logsentry_kube_audit.line import Line, Wrapper, given, read_line, read_list, read_wrapper

_DEEPEST = 4
# The runtime's own prefix (kubernetes/community, `node/kubelet-cri-logging.md`), and CloudWatch's export to S3, which has a time alone.
_PREFIX = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) (?:(?:stdout|stderr) [FP](?::\w+)* )?(?=[{\[])")
_SYSLOG = re.compile(rb"(?:<\d{1,3}>)?[^{}\[\]\"]{1,120}(?:\[\d+\])?: (?=\{)")
_read_text = msgspec.json.Decoder(str).decode
_read_texts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Found(msgspec.Struct):
    """One audit event: its bytes, the event, and what stood around it."""

    data: bytes
    line: Line
    around: dict[str, Value] = {}


def unwrap(data: bytes, depth: int = 0) -> Iterator[Found | Filtered]:
    """The audit events in one piece of text; `Filtered` says of each other piece why it is none."""
    if depth > _DEEPEST:
        raise BadRecord(f"the audit event lies more than {_DEEPEST} layouts deep")
    text = _without_prefix(data)
    if not text:
        yield Filtered("blank line")
    elif text.startswith(b"["):
        for item in read_list(text):
            yield from unwrap(bytes(item), depth + 1)
    elif text.startswith(b"{"):
        yield from _unwrap_object(text, depth)
    else:
        raise BadRecord("this is no audit event: it does not begin with a brace")


def _without_prefix(data: bytes) -> bytes:
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if text[:1] in (b"{", b"[", b""):
        return text
    found = _PREFIX.match(text) or _SYSLOG.match(text)
    return text[found.end() :] if found is not None else text


def _unwrap_object(text: bytes, depth: int) -> Iterator[Found | Filtered]:
    line = read_line(text)
    if line.is_audit:
        yield Found(text, line)
        return
    layout = read_wrapper(text)
    if given(layout.items):
        yield from _many(layout.items, depth)
    elif given(layout.records):
        yield from _many(layout.records, depth)
    elif given(layout.log_events) or given(layout.events):
        yield from _many(layout.log_events if given(layout.log_events) else layout.events, depth)
    elif given(layout.protoPayload):
        yield _google(text, layout)
    elif given(layout.properties) or layout.category:
        yield from _azure(layout, depth)
    elif given(inner := _carried(layout)):
        yield from _inside(bytes(inner), depth)
    elif given(layout.jsonPayload) or given(layout.textPayload):
        yield Filtered("an entry of Google Cloud Logging that is no audit entry")
    else:
        yield Filtered(f"a JSON object that is no audit event ({_described(line)})")


def _carried(layout: Wrapper) -> msgspec.Raw:
    return next((raw for raw in (layout.insights, layout.message, layout.log) if given(raw)), msgspec.Raw())


def _many(items: msgspec.Raw, depth: int) -> Iterator[Found | Filtered]:
    for item in read_list(items):
        yield from unwrap(bytes(item), depth + 1)


def _inside(value: bytes, depth: int) -> Iterator[Found | Filtered]:
    """A carried value: an object, or a text that holds one; other components of the control plane write plain text there."""
    if not value.startswith(b'"'):
        yield from unwrap(value, depth + 1)
        return
    text = _without_prefix(_read_text(value).encode())
    if text.startswith(b"{"):
        yield from unwrap(text, depth + 1)
    else:
        yield Filtered("a message that holds no JSON: another component's")


def _google(text: bytes, layout: Wrapper) -> Found | Filtered:
    line = gke.line_of(layout)
    if line is None:
        return Filtered("an audit entry of another Google service")
    return Found(text, line, gke.cluster_fields(layout))


def _azure(layout: Wrapper, depth: int) -> Iterator[Found | Filtered]:
    """`properties` is an object, or in some exports the text of one; so is the event in its `log`."""
    if layout.category not in (None, "kube-audit", "kube-audit-admin"):
        yield Filtered(f"a record of Azure's category {layout.category[:60]!r}")
        return
    inner = bytes(layout.properties)
    properties = _read_texts(_read_text(inner).encode() if inner.startswith(b'"') else inner or b"{}")
    if "log" not in properties:
        yield Filtered("an Azure record without `properties.log`")
        return
    around: dict[str, Value] = {"cloud.provider": "azure"}
    told = {"category": layout.category, "operationName": layout.operationName, "resourceId": layout.resourceId}
    told |= {"serviceBuild": layout.serviceBuild, "time": layout.time}
    told |= {name: _read_text(properties[name]) for name in ("pod", "containerID", "stream") if _is_text(properties.get(name))}
    around |= {f"kubernetes.audit.aks_metadata.{name}": value for name, value in told.items() if value}
    if layout.resourceId and "/" in layout.resourceId.rstrip("/"):
        around["orchestrator.cluster.name"] = layout.resourceId.rstrip("/").rpartition("/")[2]
    for found in _inside(bytes(properties["log"]), depth):
        if isinstance(found, Found):
            found.around = {**around, **found.around}
            found.line.timestamp = found.line.timestamp or layout.time  # where the event itself carries no time
        yield found


def _is_text(raw: msgspec.Raw | None) -> bool:
    return raw is not None and bytes(raw)[:1] == b'"'


def _described(line: Line) -> str:
    return f"kind {line.kind[:40]!r}, version {(line.apiVersion or '')[:40]!r}" if line.kind else "without a kind"
