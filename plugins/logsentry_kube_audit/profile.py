"""What a detector sees of a request: the verb, what it is about, what it asks for and how it was answered, then who asked, where and
with what.

Names of single objects are left out: pods have a new one each time they start. The user is the one the request was judged as. The
signs (`signs.py`) are one word that stands among the exact ones: templates join lines whose later words differ, and a
privileged pod must not be joined with others.
"""

from __future__ import annotations

from logsentry.sdk import Field, Profile, SessionRule, Windowing
from logsentry_kube_audit import signs

PROFILE = Profile(
    fields=(
        Field("event.action", absent="<no-verb>"),
        Field("orchestrator.resource.type", absent="<no-resource>"),
        Field("kubernetes.audit.objectRef.subresource", absent="<whole>"),
        Field(signs.FIELD, absent="<no-signs>"),
        Field("http.response.status_code", ("status-class",), absent="<no-answer>"),
        Field("user.effective.name", ("uuid", "hash", "number"), absent="<nobody>"),
        Field("orchestrator.namespace", ("uuid", "hash", "number"), absent="<cluster>"),
        Field("user_agent.original", ("agent-family",), absent="<no-agent>"),
        Field("kubernetes.audit.requestObject.roleRef.name", absent=""),
    ),
    windows=Windowing(session=SessionRule(key=("user.effective.name", "source.address"), gap_seconds=900.0, max_events=64)),
    exact_words=5,
    similarity=0.7,
)
