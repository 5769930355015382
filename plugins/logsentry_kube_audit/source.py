"""The source `kube-audit`: audit logs of the Kubernetes API server.

    source = KubeAudit(KubeAudit.Config())
    [event] = source.decode(record)

`envelopes.py` finds the audit events in whatever layout they come in, `line.py` is what one says, `fields.py` tells it in ECS, and
`stages.py` sees to it that a request which was logged at several stages is one event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from logsentry.sdk import BadRecord, Event, Filtered, Framing, Joiner, Profile, Record, event_id
from logsentry_kube_audit.clock import nanoseconds
from logsentry_kube_audit.envelopes import unwrap
from logsentry_kube_audit.fields import described
from logsentry_kube_audit.line import Line, read_line
from logsentry_kube_audit.profile import PROFILE
from logsentry_kube_audit.stages import Stages


class KubeAuditConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`max_record_bytes`: a longer record is dead-lettered unread. `wait_seconds`: how long, by the log's own clock, the first
    stage of a request waits for its last. `max_waiting`: how many wait at most."""

    max_record_bytes: int = 64 << 20
    wait_seconds: float = 60.0
    max_waiting: int = 1000


class KubeAudit:
    """Decodes a record into its audit events: one, or as many as a list holds."""

    name: ClassVar[str] = "kube-audit"
    framing: ClassVar[Framing] = "lines"
    profile: ClassVar[Profile] = PROFILE
    own_prefixes: ClassVar[tuple[str, ...]] = ("kubernetes.audit.",)
    Config: ClassVar[type[msgspec.Struct]] = KubeAuditConfig

    def __init__(self, config: KubeAuditConfig) -> None:
        self._config = config

    def framing_of(self, head: bytes) -> Framing:
        """JSON values where the file is laid out over several lines or is one array, lines otherwise.

        A line that is cut off is one bad line when read by lines, and would take the next with it when read by values.
        """
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        first, newline, _ = text.partition(b"\n")
        laid_out = bool(newline) and first.startswith(b"{") and first.rstrip().endswith((b"{", b"[", b","))
        return "json" if laid_out or text.startswith(b"[") else "lines"

    def joiner(self) -> Joiner:
        """Stages of one request, put together by their `auditID`."""
        return Stages(self.decode, self._config.wait_seconds, self._config.max_waiting)

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        """The events of one record, or why it holds none; raises `BadRecord` for what is no JSON or not of the API's types."""
        if len(record.data) > self._config.max_record_bytes:
            raise BadRecord(
                f"the record has {len(record.data):,} bytes, more than the {self._config.max_record_bytes:,} that are read"
            )
        try:
            return _events(record)
        except msgspec.ValidationError as error:
            raise BadRecord(f"this is no audit event of the Kubernetes API: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRecord(f"this is no JSON: {error}") from error
        except RecursionError as error:
            raise BadRecord("the JSON is nested too deeply to be read") from error


def _events(record: Record) -> Sequence[Event] | Filtered:
    """Nearly all records are one bare line; in a list each event has an id of its own, from its place and its own bytes."""
    data = record.data
    if data.startswith(b"{") and (line := read_line(data)).is_audit:
        return (_event(record, 0, data, line),)
    events, left_out = [], []
    for part, found in enumerate(unwrap(data)):
        if isinstance(found, Filtered):
            left_out.append(found)
            continue
        own = Record(found.data, record.input, record.origin, record.offset, record.cursor)
        event = _event(own, part, found.data, found.line)
        event.fields.update(found.around)
        events.append(event)
    if events:
        return events
    return left_out[0] if left_out else Filtered("an empty list")


def _event(record: Record, part: int, data: bytes, line: Line) -> Event:
    fields, message = described(line)
    told = line.stageTimestamp or line.requestReceivedTimestamp or line.timestamp
    time = nanoseconds(told) if isinstance(told, str) and told else None
    return Event(event_id(record, part), time, "kube-audit", fields, message, data)
